import { Type } from 'typebox'
import { PinSchema } from './context-schemas.js'
import { HISTORY_EXAMPLE, MODEL_EXAMPLE, READY_EXAMPLE, ROLLBACK_REPLY_EXAMPLE } from './examples/model-examples.js'
import { nullable, nullableRatio, time } from './field-schemas.js'

export const ModelSchema = Type.Object({
  version: Type.Integer({ description: 'Moves when some decision could differ' }),
  state_id: Type.String({ description: 'Of the store it was learned in; empty before the store was reached' }),
  levels: Type.Array(Type.String(), { description: 'Levels of a context, in order' }),
  contexts: Type.Integer({ description: 'Contexts this replica has loaded' }),
  thresholds_in_force: Type.Integer({ description: 'Of them, those that their own evidence certifies' }),
  age_seconds: nullable<number>('number', { description: 'Since this replica was last in step with the store (seconds); null: never' }),
  stale: Type.Boolean({ description: 'Older than STALE_AFTER_SECONDS' }),
  store: Type.Object({
    kind: Type.String({ description: 'embedded or redis' }),
    up: Type.Boolean({ description: 'Whether the last contact succeeded' }),
  }, { description: 'Where it is kept' }),
  learner: Type.Object({
    leader: Type.Boolean({ description: 'Whether this replica is the learner' }),
    log_lag: Type.Integer({ description: 'Entries of the log not folded yet, at the last poll' }),
  }, { description: 'Who learns' }),
}, { title: 'Model', description: 'The live model of this replica', examples: [MODEL_EXAMPLE] })

export const HistoryQuerySchema = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'Changes to list (1 to 1000)' })),
}, { additionalProperties: false })

export const HistorySchema = Type.Object({
  changes: Type.Array(Type.Object({
    time: time('When the learner made it; where unreadable, at the latest'),
    key: nullable<string>('string', { description: 'Context key; null where unreadable' }),
    cause: Type.String({ description: 'evidence, policy, pin, configuration, reset, drift, evidence_stale, checkpoint or predictor; unreadable: it is damaged in the store' }),
    epoch: nullable<number>('integer', { description: 'Epoch after the change; null where unreadable' }),
    before: nullableRatio('The context\'s own threshold before; at a pin the one that was in force for it; null: never stop'),
    after: nullableRatio('The same after'),
    before_scorer: Type.Optional(Type.String({ description: 'The predictor whose score that before was for; absent: the raw confidence' })),
    after_scorer: Type.Optional(Type.String({ description: 'The same of that after' })),
    version: Type.Integer({ description: 'Of the model, once the learner had it; where unreadable, at the latest' }),
    by: Type.Optional(Type.String({ description: 'Where a command caused it: the name of the token; "stopgate" where unreadable' })),
    reason: Type.Optional(Type.String({ description: 'Where a command caused it: why, if that was said' })),
  }), { description: 'Newest first' }),
}, { title: 'History', description: 'Moves of thresholds', examples: [HISTORY_EXAMPLE] })

export const RollbackSchema = Type.Object({
  version: Type.Integer({ minimum: 0, description: 'Whose thresholds to bring back, as history and audit name it (from 0)', examples: [0] }),
  reason: PinSchema.properties.reason,
  expires_in_seconds: PinSchema.properties.expires_in_seconds,
}, { additionalProperties: false, title: 'Rollback', description: 'Where to go back to', examples: [{ version: 0, reason: 'incident 42', expires_in_seconds: 3600 }] })

export const RollbackQuerySchema = Type.Object({
  dry_run: Type.Optional(Type.Boolean({ description: 'true: say what it would do, and do nothing' })),
}, { additionalProperties: false })

export const RollbackReplySchema = Type.Object({
  version: Type.Integer({ description: 'Whose thresholds they are' }),
  dry_run: Type.Boolean({ description: 'true: nothing was done' }),
  contexts: Type.Array(Type.Object({
    key: Type.String({ description: 'Context key' }),
    before: nullableRatio('Threshold in force until now; null: never stop'),
    after: nullableRatio('Threshold it is pinned to'),
    scorer: nullable<string>('string', { description: 'The predictor whose score that is; null: the raw confidence' }),
  }), { description: 'What was pinned, what changes first (at most 200)' }),
  total: Type.Integer({ description: 'Contexts pinned' }),
  changing: Type.Integer({ description: 'Of them, those whose threshold changes' }),
}, { title: 'RollbackReply', description: 'What a rollback pinned, or would', examples: [ROLLBACK_REPLY_EXAMPLE] })

export const RollbackEndSchema = Type.Object({
  removed: Type.Integer({ description: 'Pins removed' }),
}, { title: 'RollbackEnd', description: 'The way back', examples: [{ removed: 6 }] })

export const LiveSchema = Type.Object({ status: Type.String({ description: 'ok' }) }, {
  title: 'Live', description: 'The process answers', examples: [{ status: 'ok' }],
})

export const ReadySchema = Type.Object({
  ready: Type.Boolean({ description: 'Whether to send traffic here: a model is loaded' }),
  store: Type.Object({
    kind: Type.String({ description: 'embedded or redis' }), up: Type.Boolean({ description: 'Whether the last contact succeeded' }),
  }, { description: 'Where everything is kept' }),
  model: Type.Object({
    version: Type.Integer({ description: 'Version in force' }),
    age_seconds: nullable<number>('number', { description: 'Since it was last in step with the store (seconds)' }),
    stale: Type.Boolean({ description: 'Older than STALE_AFTER_SECONDS' }),
  }, { description: 'What it decides with' }),
  learner: Type.Object({ leader: Type.Boolean({ description: 'Whether this replica learns' }) }, { description: 'Who learns' }),
  warnings: Type.Array(Type.String(), { description: 'What is wrong but does not keep traffic away, each with the remedy' }),
}, { title: 'Ready', description: 'Whether to send traffic here, and what is wrong', examples: [READY_EXAMPLE] })
