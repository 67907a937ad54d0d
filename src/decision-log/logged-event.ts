import { Type } from '#typebox'
import type { Arm } from '../core/assignment/arm.js'
import type { Em } from '../core/certificate/stops.js'
import type { Reason } from '../core/decide/decide.js'
import { check, em, number, orNull, ratio, text, time } from '../store/schema-parts.js'

/** What was asked and answered at a step. `scorer`: the predictor's name, or `confidence`. */
export interface DecidedStep {
  readonly arm: Arm
  readonly tokens: number
  readonly confidence: number | null
  readonly score: number | null
  readonly scorer: string
  readonly threshold: number | null
  readonly reason: Reason
}

/** A step that was decided. Times are in ms since 1970; an absent field was not stated. */
export interface DecisionEvent extends DecidedStep {
  readonly event: 'decision'
  readonly at: number
  /** Key of the generation's own context, and of the one that the threshold comes from. */
  readonly context: string
  readonly threshold_context: string
  readonly model_version: number
  /** Whether this step put the generation down for enrolment; absent: it did not. */
  readonly enrolled?: true
  readonly em?: Em
  readonly answer_digest?: string
}

/** An outcome that was stored. */
export interface OutcomeEvent {
  readonly event: 'outcome'
  readonly at: number
  readonly context: string
  readonly arm: Arm | null
  readonly tokens: number
  readonly stopped: boolean
  readonly cancelled: boolean
  /** Exact Match of the final answer; `null`: it has no label yet. */
  readonly em: Em | null
  readonly answer_digest?: string
}

/** A label that was stored after its outcome. */
export interface LabelEvent {
  readonly event: 'label'
  readonly at: number
  readonly em?: Em
  /** Digests of the final answer and of the answers that are right, where the label came with them. */
  readonly answer_digest?: string
  readonly reference_digests?: readonly string[]
}

export type LoggedEvent = DecisionEvent | OutcomeEvent | LabelEvent

const arm = Type.Enum(['control', 'treated'])
const digest = Type.Optional(text)

const isLoggedEvent = check(Type.Union([
  Type.Object({
    event: Type.Literal('decision'),
    at: time,
    context: text,
    threshold_context: text,
    arm,
    tokens: number,
    confidence: orNull(number),
    score: orNull(number),
    scorer: text,
    threshold: orNull(ratio),
    reason: text,
    model_version: number,
    enrolled: Type.Optional(Type.Literal(true)),
    em: Type.Optional(em),
    answer_digest: digest,
  }),
  Type.Object({
    event: Type.Literal('outcome'),
    at: time,
    context: text,
    arm: orNull(arm),
    tokens: number,
    stopped: Type.Boolean(),
    cancelled: Type.Boolean(),
    em: orNull(em),
    answer_digest: digest,
  }),
  Type.Object({
    event: Type.Literal('label'), at: time, em: Type.Optional(em), answer_digest: digest, reference_digests: Type.Optional(Type.Array(text)),
  }),
]))

/** Decodes an event that was stored as JSON; `null`: it is damaged. */
export function decodeEvent (text: string): LoggedEvent | null {
  let event: unknown
  try { event = JSON.parse(text) } catch { return null }
  return isLoggedEvent(event) ? event as LoggedEvent : null
}
