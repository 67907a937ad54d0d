import { REASONS } from '../../core/decide/index.js'
import { answerDigest, type LoggedOutcome } from '../../core/outcome/index.js'
import { type Context, contextKey, type Levels } from '../../core/policy/index.js'
import type { LabelEntry } from '../../core/learn/index.js'
import type { LoggedDecision, LoggedEvent } from './logged-event.js'

/** Number of decisions that fit into a buffer, unless it is made for another number. */
export const CAPACITY = 1024

/** A decision as it is taken for the log. */
export interface TakenDecision extends LoggedDecision {
  /** The id under which the generation is stored. */
  readonly id: string
  readonly context: Context | undefined
  /** Key of the context that the threshold comes from; `null`: the generation's own. */
  readonly source: string | null
  readonly version: number
  readonly isEnrolled: boolean
}

const orNaN = (value: number | null): number => value ?? NaN
const orNull = (value: number): number | null => Number.isNaN(value) ? null : value

/**
 * Decisions that wait to be logged, in columns of a fixed length: objects would survive into the old generation of the heap, and
 * the full collections that follow discard compiled code.
 */
export class LogBuffer {
  readonly #ids: string[] = []
  readonly #contexts: Array<Context | undefined> = []
  readonly #sources: Array<string | null> = []
  readonly #scorers: string[] = []
  readonly #at: Float64Array
  readonly #tokens: Float64Array
  readonly #confidence: Float64Array
  readonly #score: Float64Array
  readonly #threshold: Float64Array
  readonly #version: Float64Array
  readonly #reason: Uint8Array
  /** 1: control, 2: enrolled. */
  readonly #flags: Uint8Array
  length = 0

  constructor (capacity: number = CAPACITY) {
    const numbers = () => new Float64Array(capacity)
    ;[this.#at, this.#tokens, this.#confidence] = [numbers(), numbers(), numbers()]
    ;[this.#score, this.#threshold, this.#version] = [numbers(), numbers(), numbers()]
    ;[this.#reason, this.#flags] = [new Uint8Array(capacity), new Uint8Array(capacity)]
  }

  /** Requires a buffer that is not full. @param at ms since 1970 */
  push (taken: TakenDecision, at: number): void {
    const i = this.length++
    this.#ids[i] = taken.id
    this.#contexts[i] = taken.context
    this.#sources[i] = taken.source
    this.#scorers[i] = taken.scorer
    this.#at[i] = at
    this.#tokens[i] = taken.tokens
    this.#confidence[i] = orNaN(taken.confidence)
    this.#score[i] = orNaN(taken.score)
    this.#threshold[i] = orNaN(taken.threshold)
    this.#version[i] = taken.version
    this.#reason[i] = REASONS.indexOf(taken.reason)
    this.#flags[i] = (taken.arm === 'control' ? 1 : 0) | (taken.isEnrolled ? 2 : 0)
  }

  /** The decision with this number, and when it was made (ms). */
  get (i: number): TakenDecision & { readonly at: number } {
    const flags = this.#flags[i]!
    return {
      id: this.#ids[i]!,
      context: this.#contexts[i],
      source: this.#sources[i]!,
      arm: (flags & 1) === 1 ? 'control' : 'treated',
      tokens: this.#tokens[i]!,
      confidence: orNull(this.#confidence[i]!),
      score: orNull(this.#score[i]!),
      scorer: this.#scorers[i]!,
      threshold: orNull(this.#threshold[i]!),
      reason: REASONS[this.#reason[i]!]!,
      version: this.#version[i]!,
      isEnrolled: (flags & 2) === 2,
      at: this.#at[i]!,
    }
  }

  clear (): void {
    this.#ids.fill('') // shortening the list would reallocate it
    this.#contexts.fill(undefined)
    this.length = 0
  }
}

export interface TakenOutcome {
  readonly entry: LoggedOutcome
  /** The final answer, where the entry has no digest of it. */
  readonly answer: string | undefined
  readonly at: number
}

export interface TakenLabel { readonly entry: LabelEntry, readonly at: number }

/** The id under which the generation is stored, and the event as JSON. */
export type Encoded = readonly [id: string, text: string]

/** Renders the JSON of a DecisionEvent, in a third of the time that `JSON.stringify` takes: there may be thousands a second. */
export function encodeDecision (levels: Levels, taken: TakenDecision & { readonly at: number }): Encoded {
  const { id, source, arm, tokens, confidence, score, scorer, threshold, reason, version, isEnrolled, at } = taken
  const context = JSON.stringify(contextKey(levels, taken.context ?? {}))
  return [id, `{"event":"decision","at":${at},"context":${context},"threshold_context":${source === null ? context : JSON.stringify(source)}` +
    `,"arm":"${arm}","tokens":${tokens},"confidence":${confidence},"score":${score},"scorer":"${scorer}"` + // names of scorers need no escaping
    `,"threshold":${threshold},"reason":"${reason}","snapshot_version":${version}` + (isEnrolled ? ',"enrolled":true' : '') + '}']
}

/** @param salt the store's, for digests; `null` before the store has been reached: then there are none */
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
