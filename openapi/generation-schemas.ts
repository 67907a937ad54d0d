import { Type, type Static } from '#typebox'
import { type Reason, REASONS } from '../src/core/decide/index.js'
import { GENERATION_EXAMPLE, STOPS_EXAMPLE } from './examples/decision-examples.js'
import { nullable, NullableRatioSchema, NullableScoreSchema, objectOrNull, TextSchema, TimeSchema } from './field-schemas.js'

export const GenerationParamsSchema = Type.Object({ generation_id: TextSchema('Id of the generation, URL-encoded', ['req-8f2c']) })

export const GenerationQuerySchema = Type.Object({
  prefix: Type.Optional(Type.String({
    maxLength: 4096,
    description: 'Prefix of the token that reported the generation, if it is bound to one; absent: the prefix of the caller\'s token, or none',
  })),
}, { additionalProperties: false })

const em = (whose: string) => ({ enum: [0, 1, null], description: `EM of ${whose}: 1 right, 0 wrong; null: unknown` })
const tokens = (description: string) => Type.Integer({ minimum: 0, description })

const LoggedStepSchema = Type.Object({
  at: TimeSchema('When it was decided'),
  tokens: tokens('Tokens generated so far'),
  confidence: NullableRatioSchema('Confidence that the worker sent; null: unknown'),
  score: NullableScoreSchema('Score of this step; null: the confidence is unknown'),
  scorer: Type.String({ description: 'Source of the score: "confidence", "tokens", or the name of a predictor' }),
  threshold: NullableScoreSchema('Score at which the service said stop; null: never'),
  threshold_context: Type.String({ description: 'Key of the context that the threshold came from' }),
  action: Type.Unsafe<'stop' | 'continue'>({ type: 'string', enum: ['stop', 'continue'], description: 'Reply of the service' }),
  reason: Type.Unsafe<Reason>({ type: 'string', enum: [...REASONS], description: 'Reason for the decision' }),
  would_stop: Type.Boolean({ description: 'Whether the score reached the threshold' }),
  snapshot_version: Type.Integer({ description: 'Version of the snapshot that made the decision' }),
}, { title: 'LoggedStep', description: 'Request and reply of one step' })

const LoggedOutcomeSchema = Type.Object({
  at: TimeSchema('When it was stored'),
  tokens: tokens('Tokens of the generation'),
  stopped: Type.Boolean({ description: 'Whether the worker stopped it' }),
  cancelled: Type.Boolean({ description: 'Whether the client went away before it ended' }),
  em: nullable<0 | 1>('integer', em('its answer, by the outcome or its label')),
  answer_digest: Type.Optional(Type.String({
    description: 'Digest of its answer, if the worker sent it: two answers of this service match by Exact Match where their digests are equal',
  })),
}, { title: 'LoggedOutcome', description: 'Outcome of the generation' })

export const GenerationSchema = Type.Object({
  generation_id: Type.String({ description: 'Id of the generation, as the worker sent it' }),
  context: Type.String({ description: 'Key of its context' }),
  arm: nullable<'control' | 'treated'>('string', { enum: ['control', 'treated', null], description: 'Its arm; null: the worker sent an outcome alone, and no arm with it' }),
  enrolled: Type.Boolean({ description: 'Whether one of these steps enrolled it: its evidence counts once it is accounted for. Later samples of a group are not enrolled themselves' }),
  steps: Type.Array(LoggedStepSchema, { description: 'Its steps in the order of time; empty where the worker decided by a bundle' }),
  outcome: Type.Optional(LoggedOutcomeSchema),
}, { title: 'Generation', description: 'Entries of the decision log about a generation', examples: [GENERATION_EXAMPLE] })

export type Generation = Static<typeof GenerationSchema>

export const StopsQuerySchema = Type.Object({
  prefix: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: 'Context key: lists only stops in this context and those below it' })),
  generation_id: Type.Optional(TextSchema('Lists only stops of this generation')),
  since: Type.Optional(TimeSchema('Lists only stops from this time on')),
  until: Type.Optional(TimeSchema('Lists only stops until this time')),
  version: Type.Optional(Type.Integer({ minimum: 0, description: 'Lists only stops that this version of the snapshot decided' })),
  em: Type.Optional(Type.Unsafe<0 | 1>({ enum: [0, 1], type: 'integer', description: 'Lists only stops whose served answer was wrong (0) or right (1), as reported or labelled' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 50, description: 'Number of stops to list (1 to 500)' })),
  before: Type.Optional(Type.String({ pattern: '^\\d{1,16}(-\\d{1,16})?:\\d{1,5}$', description: 'The "next" of the previous page' })),
}, { additionalProperties: false })

export type StopsQuery = Static<typeof StopsQuerySchema>

const StopOutcomeSchema = Type.Object({
  em: nullable<0 | 1>('integer', em('the served answer, as reported or, as long as the decision log has it, by its label')),
  tokens: tokens('Tokens of the generation, with its served answer'),
  as_probed: nullable<boolean>('boolean', { description: 'Whether the served answer is the one that was probed where it was stopped; null: they cannot be compared' }),
  answer: Type.Optional(Type.String({ description: 'The served answer; absent: it is not kept, since it was not sent or needs no label (any more)' })),
}, { title: 'StopOutcome', description: 'What was served' })

export const StopsSchema = Type.Object({
  stops: Type.Array(Type.Object({
    at: TimeSchema('When it was decided; where the worker decided by itself, when its outcome arrived'),
    generation_id: Type.String({ description: 'Id of the generation, as the worker sent it' }),
    context: Type.String({ description: 'Key of its context' }),
    tokens: tokens('Tokens at which it was stopped'),
    score: NullableScoreSchema('Score that reached the threshold, to six digits; null: the worker decided by itself, and did not report it (stopped_by)'),
    scorer: nullable<string>('string', { description: 'Source of the score: "confidence", "tokens", or the name of a predictor; null as for score' }),
    threshold: NullableScoreSchema('Threshold in force; null as for score'),
    threshold_context: Type.String({ description: 'Key of the context that the threshold came from' }),
    snapshot_version: nullable<number>('integer', { description: 'Version of the snapshot that made the decision; null as for score' }),
    decided_by: Type.Unsafe<'service' | 'worker'>({ type: 'string', enum: ['service', 'worker'], description: 'service: it was decided here; worker: the worker decided by a bundle, and the row is as it reported it' }),
    outcome: objectOrNull(StopOutcomeSchema, 'What was served; null: no outcome came within five minutes'),
  }, { title: 'Stop', description: 'A stop of a generation' }), { description: 'Stops, newest first' }),
  next: nullable<string>('string', { description: 'Pass this as "before" to get the next page; null: this is the last page. A page may be shorter than its limit while there is a next one' }),
}, { title: 'Stops', description: 'Recent stops', examples: [STOPS_EXAMPLE] })
