import { answerDigest } from '../core/grading/answer-digest.js'
import type { LoggedOutcome } from '../core/grading/outcome.js'
import type { LabelEntry } from '../core/learn/log-entry.js'
import { contextKey, type Levels } from '../core/policy/context.js'
import type { TakenDecision } from './log-buffer.js'
import type { LoggedEvent } from './logged-event.js'

export interface TakenOutcome {
  readonly entry: LoggedOutcome
  /** The final answer, where the entry has no digest of it. */
  readonly answer: string | undefined
  readonly at: number
}

export interface TakenLabel { readonly entry: LabelEntry, readonly at: number }

/** The id under which the generation is stored, and the event as JSON. */
export type Encoded = readonly [id: string, text: string]

/**
 * Renders the JSON of a DecisionEvent, in a third of the time that `JSON.stringify` takes: there may be thousands a second.
 * @param salt the store's, for digests; `null` before the store has been reached: then there are none
 */
export function encodeDecision (salt: string | null, levels: Levels, taken: TakenDecision & { readonly at: number }): Encoded {
  const { id, source, arm, tokens, confidence, score, scorer, threshold, reason, version, isEnrolled, em, answer, at } = taken
  const context = JSON.stringify(contextKey(levels, taken.context ?? {}))
  return [id, `{"event":"decision","at":${at},"context":${context},"threshold_context":${source === null ? context : JSON.stringify(source)}` +
    `,"arm":"${arm}","tokens":${tokens},"confidence":${confidence},"score":${score},"scorer":"${scorer}"` + // names need no escaping
    `,"threshold":${threshold},"reason":"${reason}","model_version":${version}` + (isEnrolled ? ',"enrolled":true' : '') +
    (em === undefined ? '' : `,"em":${em}`) + (salt === null || answer === undefined ? '' : `,"answer_digest":"${answerDigest(salt, answer)}"`) + '}']
}

export function encodeOutcome (salt: string | null, levels: Levels, { entry, answer, at }: TakenOutcome): Encoded {
  const { generation_id: id, context, arm, tokens, stopped, cancelled = false, full, answer_digest: digest } = entry
  return encoded(id, {
    event: 'outcome',
    at,
    context: contextKey(levels, context),
    arm: arm ?? (stopped ? 'treated' : null),
    tokens,
    stopped,
    cancelled,
    em: full.exact_match ?? null,
    ...(digest === undefined ? digestOf(salt, answer) : { answer_digest: digest }),
  })
}

export function encodeLabel ({ entry, at }: TakenLabel): Encoded {
  const { generation_id: id, em, answer, references } = entry
  return encoded(id, {
    event: 'label',
    at,
    ...(em !== undefined && { em }),
    ...(answer !== undefined && { answer_digest: answer }),
    ...(references !== undefined && { reference_digests: references }),
  })
}

function encoded (id: string, event: LoggedEvent): Encoded { return [id, JSON.stringify(event)] }

function digestOf (salt: string | null, answer: string | undefined): { answer_digest?: string } {
  return salt === null || answer === undefined ? {} : { answer_digest: answerDigest(salt, answer) }
}
