import { Type } from 'typebox'
import { nullable, nullableRatio, time } from './fields.js'

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
}, { title: 'Model', description: 'The live model of this replica' })

export const HistoryQuerySchema = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'Changes to list (1 to 1000)' })),
}, { additionalProperties: false })

export const HistorySchema = Type.Object({
  changes: Type.Array(Type.Object({
    time: time('When the learner made it'),
    key: Type.String({ description: 'Context key' }),
    cause: Type.String({ description: 'evidence, policy, pin, configuration, reset, drift or evidence_stale' }),
    epoch: Type.Integer({ description: 'Epoch after the change' }),
    before: nullableRatio('Threshold before'),
    after: nullableRatio('Threshold after'),
    version: Type.Integer({ description: 'Of the model, once the learner had it' }),
    by: Type.Optional(Type.String({ description: 'Where a command caused it: the name of the token' })),
    reason: Type.Optional(Type.String({ description: 'Where a command caused it: why, if that was said' })),
  }), { description: 'Newest first' }),
}, { title: 'History', description: 'Moves of thresholds' })

export const LiveSchema = Type.Object({ status: Type.String({ description: 'ok' }) }, { title: 'Live', description: 'The process answers' })

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
}, { title: 'Ready', description: 'Whether to send traffic here, and what is wrong' })
