import { type Static, Type } from '#typebox'
import type { Reason } from '../../core/decide/index.js'
import { check, em, number, orNull, ratio, text, time } from '../../store/encoding/stored-schemas.js'

const arm = Type.Enum(['control', 'treated'])
const digest = Type.Optional(text)

const step = {
  arm,
  tokens: number,
  confidence: orNull(number),
  score: orNull(number),
  /** The predictor's name, or `confidence`. */
  scorer: text,
  threshold: orNull(ratio),
  reason: Type.Unsafe<Reason>(text),
}

const DecisionSchema = Type.Object({
  event: Type.Literal('decision'),
  at: time,
  /** Key of the generation's own context, and of the context that the threshold comes from. */
  context: text,
  threshold_context: text,
  ...step,
  snapshot_version: number,
  /** Whether this step put the generation down for enrolment; absent: it did not. */
  enrolled: Type.Optional(Type.Literal(true)),
})

const OutcomeSchema = Type.Object({
  event: Type.Literal('outcome'),
  at: time,
  context: text,
  arm: orNull(arm),
  tokens: number,
  stopped: Type.Boolean(),
  cancelled: Type.Boolean(),
  /** Exact Match of the final answer; `null`: it has no label yet. */
  em: orNull(em),
  answer_digest: digest,
})

const LabelSchema = Type.Object({
  event: Type.Literal('label'),
  at: time,
  em: Type.Optional(em),
  /** Digests of the final answer and of the answers that are right, where the label came with them. */
  answer_digest: digest,
  reference_digests: Type.Optional(Type.Unsafe<readonly string[]>(Type.Array(text))),
})

/** A step that was decided. Times are in ms since 1970; an absent field was not stated. */
export type DecisionEvent = Readonly<Static<typeof DecisionSchema>>
/** An outcome that was stored. */
export type OutcomeEvent = Readonly<Static<typeof OutcomeSchema>>
/** A label that was stored after its outcome. */
export type LabelEvent = Readonly<Static<typeof LabelSchema>>

/** The request and the decision at a step. */
export type LoggedDecision = Pick<DecisionEvent, keyof typeof step>

export type LoggedEvent = DecisionEvent | OutcomeEvent | LabelEvent

const isLoggedEvent = check(Type.Union([DecisionSchema, OutcomeSchema, LabelSchema]))

/** Decodes an event that was stored as JSON; `null`: it is damaged. */
export function decodeEvent (text: string): LoggedEvent | null {
  let event: unknown
  try { event = JSON.parse(text) } catch { return null }
  return isLoggedEvent(event) ? event as LoggedEvent : null
}
