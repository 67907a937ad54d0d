import { Type } from '#typebox'
import { CONTEXT_HISTORY_EXAMPLE, HISTORY_EXAMPLE, SNAPSHOT_EXAMPLE, NOT_READY_EXAMPLE, READY_EXAMPLE } from './examples/snapshot-examples.js'
import { nullable, NullableScoreSchema, RatioSchema, TimeSchema } from './field-schemas.js'
import { ModeAfterSchema, ModeBeforeSchema, ModeSchema } from './policy-schemas.js'

export const SnapshotSchema = Type.Object({
  version: Type.Integer({ description: 'Version of the snapshot; it changes when some decision could differ' }),
  state_id: Type.String({ description: 'Id of the store in which the thresholds were learned; empty until the store has been reached' }),
  levels: Type.Array(Type.String(), { description: 'Levels of a context, in order' }),
  contexts: Type.Integer({ description: 'Contexts that this replica has loaded' }),
  thresholds_in_force: Type.Integer({ description: 'Contexts whose own evidence certifies a threshold' }),
  age_seconds: nullable<number>('number', { description: 'Time since this replica was last in step with the store (seconds); null: never' }),
  stale: Type.Boolean({ description: 'Whether the snapshot has been out of step with the store for 30 seconds, or for half of MAX_STALENESS_SECONDS where that is less' }),
  store: Type.Object({
    kind: Type.String({ description: 'embedded or redis' }),
    up: Type.Boolean({ description: 'Whether the last contact with the store succeeded' }),
  }, { description: 'The store that the snapshot comes from' }),
  learner: Type.Object({
    leader: Type.Boolean({ description: 'Whether this replica is the learner' }),
    log_lag: Type.Integer({ description: 'Log entries that the learner has not processed yet, at the last poll' }),
  }, { description: 'State of the learner' }),
}, { title: 'Snapshot', description: 'The snapshot with which this replica decides', examples: [SNAPSHOT_EXAMPLE] })

export const HistoryQuerySchema = Type.Object({
  prefix: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: 'Context key: lists only changes of this context and those below it' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'Number of changes to list (1 to 1000)' })),
  before: Type.Optional(Type.String({ pattern: '^\\d{1,16}(-\\d{1,16})?$', description: 'Lists only changes older than this one: the "id" of a row, or the "next" of the previous page' })),
}, { additionalProperties: false })

export const ContextHistoryQuerySchema = Type.Pick(HistoryQuerySchema, ['limit', 'before'], { additionalProperties: false })

const AlarmSchema = Type.Object({
  since: TimeSchema('When the detector last saw no sign of a loss; the loss has most likely begun since'),
  em_drop: RatioSchema('Mean EM drop since then, among control generations (drift) or treated ones (breach): an estimate, more often too large than too small, since it raised the alarm'),
  generations: Type.Integer({ description: 'Number of these generations' }),
  stops: Type.Integer({ description: 'Stops that were reported since then; GET /v1/stops lists them by since and em' }),
}, { title: 'Alarm', description: 'What the alarm that withdrew the threshold knows of the time before it; only with the causes drift and breach' })

export const HistorySchema = Type.Object({
  changes: Type.Array(Type.Object({
    id: Type.String({ description: 'Id of the row' }),
    time: TimeSchema('When the learner made the change; for an unreadable row, the latest time it can have been'),
    key: nullable<string>('string', { description: 'Context key; null: the row is unreadable' }),
    cause: Type.String({ description: 'evidence, policy, pin, configuration, reset, probe_form (workers force answers in another way), drift (the control arm loses more than max_em_drop), breach (real stops lose more than max_em_drop), left_pool (the context has left its pool, since its own generations lose more than max_em_drop), suspended (most of the newest control generations came to nothing, or most of the newest stops were refused), resumed (they no longer are), repair (a fault of reports that spoilt the evidence is repaired), recovered (the evidence was spoilt, and the newest generations lose little), evidence_stale, checkpoint, predictor or import (a state was imported); unreadable: the row is damaged in the store' }),
    epoch: nullable<number>('integer', { description: 'Epoch after the change; null: the row is unreadable' }),
    before: NullableScoreSchema('The context\'s own threshold before the change; for a pin, and for a context that left its pool, the threshold that was in force; null: never stop'),
    after: NullableScoreSchema('Threshold after the change; null: never stop'),
    before_scorer: Type.Optional(Type.String({ description: 'Predictor to whose score the threshold before applied; absent: the raw confidence' })),
    after_scorer: Type.Optional(Type.String({ description: 'Predictor to whose score the threshold after applies; absent: the raw confidence' })),
    alarm: Type.Optional(AlarmSchema),
    fields: Type.Optional(Type.Array(Type.String(), { description: 'Names of the policy fields that the command stated, changed or removed for this context; only with the cause policy' })),
    mode_before: Type.Optional(ModeSchema),
    mode_after: Type.Optional(ModeSchema),
    version: Type.Integer({ description: 'Snapshot version in which the change took effect; for an unreadable row, the latest it can have been' }),
    by: Type.Optional(Type.String({ description: 'For a change by a command: name of the token; "stopgate" for an unreadable row' })),
    reason: Type.Optional(Type.String({ description: 'For a change by a command: reason, if one was given' })),
  }), { description: 'Changes, newest first' }),
  next: nullable<string>('string', { description: 'Pass this as "before" to get the next page; null: this is the last page' }),
}, { title: 'History', description: 'Changes of thresholds', examples: [HISTORY_EXAMPLE] })

export const ContextHistorySchema = Type.Object({
  ...HistorySchema.properties,
  modes: Type.Array(Type.Object({
    time: TimeSchema('When the policy was given'),
    key: Type.String({ description: 'The context whose policy moved the mode: this one, or one above it' }),
    before: ModeBeforeSchema,
    after: ModeAfterSchema,
    by: Type.Optional(Type.String({ description: 'Name of the token; absent: the caller\'s token is bound to a prefix, and this was done above it' })),
    reason: Type.Optional(Type.String({ description: 'Reason, if one was given' })),
  }), { description: 'Changes of the mode in force for the context, newest first: at most 200, as far as the audit trail goes back' }),
}, { title: 'ContextHistory', description: 'Changes of one context', examples: [CONTEXT_HISTORY_EXAMPLE] })

export const LiveSchema = Type.Object({ status: Type.String({ description: 'ok' }) }, {
  title: 'Live', description: 'Liveness', examples: [{ status: 'ok' }],
})

export const SnapshotInForceSchema = Type.Object({
  version: Type.Integer({ description: 'Version of the snapshot in force' }),
  age_seconds: nullable<number>('number', { description: 'Time since the snapshot was last in step with the store (seconds); null: never' }),
  stale: Type.Boolean({ description: 'Whether the snapshot has been out of step with the store for 30 seconds, or for half of MAX_STALENESS_SECONDS where that is less' }),
}, { title: 'SnapshotInForce', description: 'The snapshot with which this replica decides' })

export const ReadySchema = Type.Object({
  ready: Type.Boolean({ description: 'Whether this replica can take traffic: it has loaded a snapshot' }),
  store: Type.Object({
    kind: Type.String({ description: 'embedded or redis' }), up: Type.Boolean({ description: 'Whether the last contact with the store succeeded' }),
  }, { description: 'State of the store' }),
  snapshot: SnapshotInForceSchema,
  learner: Type.Object({ leader: Type.Boolean({ description: 'Whether this replica is the learner' }) }, { description: 'State of the learner' }),
  warnings: Type.Array(Type.String(), { description: 'Problems that do not prevent traffic, each with its remedy' }),
}, { title: 'Ready', description: 'Readiness and problems of this replica', examples: [READY_EXAMPLE] })

/** The same schema with the example of a replica that is not ready. */
export const NotReadySchema: typeof ReadySchema = Object.assign({ ...ReadySchema }, { examples: [NOT_READY_EXAMPLE] })
