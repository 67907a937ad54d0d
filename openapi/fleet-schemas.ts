import { Type } from '#typebox'
import { HOURS } from '../src/core/stats/index.js'
import { type Alarm, ALARMS, ROW_ORDERS, type RowOrder } from '../src/core/reports/index.js'
import { ContextQuerySchema, contextFields, DROP_HIGH, DROP_LOW, savedTokensFields } from './context-schemas.js'
import { ScopeSchema } from './decision-schemas.js'
import { FLEET_EXAMPLE, FLEET_PAGE_EXAMPLE } from './examples/context-examples.js'
import { nullable, NullableRatioSchema, TimeSchema } from './field-schemas.js'
import { PinSchema } from './policy-schemas.js'
import { SnapshotInForceSchema } from './snapshot-schemas.js'

const { prefix, status } = ContextQuerySchema.properties

export const FleetQuerySchema = Type.Object({ prefix }, { additionalProperties: false })

export const FleetPageQuerySchema = Type.Object({
  prefix,
  status,
  search: Type.Optional(Type.String({ maxLength: 200, description: 'Words, all of which the key must contain, in upper or lower case (up to 200 characters)' })),
  sums: Type.Optional(Type.Boolean({ default: false, description: 'Whether to also list contexts that only sum up those below them' })),
  sort: Type.Optional(Type.Unsafe<RowOrder>({
    type: 'string', enum: [...ROW_ORDERS], default: 'key', description: 'Field to sort by; contexts without a value come last. By status, drifted comes first, then unlikely, then learning',
  })),
  descending: Type.Optional(Type.Boolean({ default: false, description: 'Whether the largest comes first' })),
  offset: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000, default: 0, description: 'Number of contexts to skip at the start (from 0)' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 50, description: 'Number of contexts to list (1 to 500)' })),
}, { additionalProperties: false })

export const PauseRequestSchema = Type.Object({ reason: PinSchema.properties.reason }, {
  additionalProperties: false, title: 'PauseRequest', description: 'Why stopping is paused', examples: [{ reason: 'incident 42' }],
})

export const EndOfPauseQuerySchema = Type.Object({ reason: PinSchema.properties.reason }, { additionalProperties: false })

export const PauseSchema = Type.Object({
  paused: Type.Boolean({ description: 'Whether stopping is paused on the replica that answers' }),
  stored: Type.Boolean({ description: 'Whether the store has the same, so that all replicas follow; false: send the request to each of the other replicas, too' }),
  since: nullable<string>('string', { format: 'date-time', description: 'When it was paused (ISO 8601, UTC); null: it is not, or the audit trail no longer has it' }),
  by: nullable<string>('string', { description: 'Name of the token that paused it; PAUSE_STOPPING: the setting; stopgate: the service kept a pause that the store had lost; null as for since' }),
  reason: nullable<string>('string', { description: 'Reason that was given; null: none, or as for since' }),
  message: Type.String({ description: 'The state in words, and what is left to do' }),
}, {
  title: 'Pause',
  description: 'Whether stopping is paused, by whom, since when and why',
  examples: [{ paused: true, stored: true, since: '2026-09-18T03:04:05.678Z', by: 'ops', reason: 'incident 42', message: 'Stopping is paused on all replicas since 2026-09-18 03:04 UTC by ops (incident 42).' }],
})

export const AcknowledgementSchema = Type.Object({ reason: PinSchema.properties.reason }, {
  additionalProperties: false, title: 'Acknowledgement', description: 'An acknowledgement', examples: [{ reason: 'restored the export of 03:00' }],
})

export const StoreLossSchema = Type.Object({
  lost: Type.Boolean({ description: 'Whether the store has lost data, and nobody has acknowledged that' }),
  kind: nullable<'replaced' | 'older' | 'unreadable'>('string', { enum: ['replaced', 'older', 'unreadable', null], description: 'replaced: it is another store than before, such as an empty one, or a state was imported with --replace; older: it went back to an earlier state; unreadable: the state of some contexts could not be read, and they learn again; null: nothing was lost' }),
  at: nullable<string>('string', { format: 'date-time', description: 'When a replica saw it (ISO 8601, UTC); null: nothing was lost' }),
}, {
  title: 'StoreLoss',
  description: 'A loss of the contents of the store',
  examples: [{ lost: true, kind: 'replaced', at: '2026-09-18T03:04:05.678Z' }],
})

const alarm = Type.Unsafe<Alarm>({
  type: 'string',
  enum: [...ALARMS],
  description: 'drift: the threshold was withdrawn, since full runs show that stopping now loses more than max_em_drop; breach: real stops lose more; left_pool: a context has left its pool, since its own generations lose more; large_loss: the threshold in force loses more than 5 points of EM, whatever max_em_drop allows; drift_suspected, breach_suspected: ' +
    'either is likely, and an "auto" control share is raised. The others are warnings of the context',
})

const since = nullable<string>('string', {
  format: 'date-time',
  description: 'For drift, breach and left_pool: when the threshold was withdrawn, or the context left its pool (ISO 8601, UTC); null: the alarm withdrew nothing, and the service does not record when it began',
})

const unread = (description: string) => nullable<number>('integer', { description: `${description}; null: the context has not been read` })
const count = (description: string) => Type.Integer({ description })
const tokens = (description: string) => Type.Number({ description })
const at = nullable<string>('string', {
  format: 'date-time',
  description: 'When the figures were read (ISO 8601, UTC); null: the store has been away since this replica started, and they are not known. Requests share one reading for up to twenty times as ' +
    'long as it took. While the store is away, the figures are old, but modes, pins, thresholds, bounds and statuses are those of the snapshot',
})

const savedHours = Type.Array(Type.Object({
  at: TimeSchema('When the hour began'),
  tokens_saved: nullable<number>('number', { description: 'Tokens saved in it, net of probes, by the outcomes learned in it; null: too few control generations to say' }),
  tokens_saved_low: nullable<number>('number', { description: 'Lower bound of tokens_saved (95 %)' }),
  tokens_saved_high: nullable<number>('number', { description: 'Upper bound of tokens_saved (95 %)' }),
  tokens: tokens('Tokens that all generations spent in it, probes included. Full runs would have taken tokens + tokens_saved'),
}), { description: `Savings by hour: the last ${HOURS} that had outcomes, and the present one so far, oldest first; empty for a prefix other than *. GET /v1/savings has days` })

export const FleetSchema = Type.Object({
  prefix: Type.String({ description: 'Context key: the sums are of this context and those below' }),
  at,
  snapshot: SnapshotInForceSchema,
  contexts: count('Contexts in which generations run (leaves); the counts below are of these'),
  by_status: Type.Object({
    certified: count('A threshold is certified, for the context or its pool'),
    suspended: count('A threshold is certified and not in force, since its guards cannot see'),
    learning: count('No threshold is certified yet'),
    unlikely: count('No threshold is certified, nor is one likely to be'),
    drifted: count('A threshold was withdrawn, because of drift or a breach, and none has been certified since, or the context has left its pool'),
  }, { description: 'Contexts by status' }),
  by_mode: Type.Object({ enforce: count('Generations are stopped'), shadow: count('Decisions are made but stop nothing'), off: count('Nothing is stopped') }, { description: 'Contexts by mode' }),
  pinned: count('Pins set on these contexts and those above them within the prefix'),
  stopping: count('Contexts with a threshold in force and mode "enforce"'),
  control_generations: count('Control generations in the evidence'),
  treated_generations: count('Treated generations reported in the present epochs'),
  ...savedTokensFields,
  probe_tokens: tokens('Tokens decoded only for probes, over all epochs'),
  tokens_saved_ratio: nullable<number>('number', { description: 'Share of all tokens that is saved at present, net of probes: by the thresholds in force, the control shares and the recent spending on probes, weighted by tokens; null: no outcome yet (fraction)' }),
  em_drop: nullable<number>('number', { description: 'EM lost at the thresholds in force, a mean over the generations of all contexts, those that stop nothing included; null: no outcome yet (fraction)' }),
  max_em_drop: nullable<number>('number', { description: 'EM that the policies allow to lose, the same mean (fraction)' }),
  saved_by_hour: savedHours,
  alarms: Type.Array(Type.Object({ key: contextFields.key, alarm, since }), { description: 'Alarms, by severity and then by time, newest first (at most 50)' }),
  alarms_total: count('Number of alarms'),
}, { title: 'Fleet', description: 'Sums over many contexts', examples: [FLEET_EXAMPLE] })

export const FleetPageSchema = Type.Object({
  at,
  snapshot: SnapshotInForceSchema,
  total: count('Number of contexts found'),
  contexts: Type.Array(Type.Object({
    key: contextFields.key,
    is_leaf: Type.Boolean({ description: 'Whether generations run in it (a leaf); otherwise it is above leaves' }),
    is_certifying: Type.Boolean({ description: 'Whether evidence is gathered for it: a leaf of its own, or a pool' }),
    status: contextFields.status,
    pool: contextFields.pool,
    mode: contextFields.mode,
    is_pinned: Type.Boolean({ description: 'Whether it has a pin of its own' }),
    pinned_at: nullable<string>('string', { description: 'Key of the context whose pin sets the threshold: this one, or its pool; null: no pin does' }),
    threshold: contextFields.threshold,
    scope: ScopeSchema,
    em_drop: contextFields.em.properties.drop,
    em_drop_low: NullableRatioSchema(DROP_LOW),
    em_drop_high: NullableRatioSchema(DROP_HIGH),
    max_em_drop: Type.Number({ description: 'EM that its policy allows to lose (fraction)' }),
    tokens_saved: savedTokensFields.tokens_saved,
    tokens_saved_low: savedTokensFields.tokens_saved_low,
    tokens_saved_high: savedTokensFields.tokens_saved_high,
    tokens_saved_ratio: contextFields.tokens.properties.saved_ratio,
    control_generations: unread('Control generations in the evidence'),
    treated_generations: unread('Treated generations reported in this epoch'),
    generations_per_hour: nullable<number>('number', { description: 'Reported generations an hour, a mean over the last 24 hours, or as many as are known; null: less than a minute is known, or it has not been read' }),
    generations_to_next_certificate: contextFields.evidence.properties.next_certificate_in,
    alarms: Type.Array(alarm, { description: 'Problems that need attention' }),
    updated_at: nullable<string>('string', { format: 'date-time', description: 'When its last outcome came (ISO 8601, UTC); null: it has not been read' }),
  }, { title: 'ContextRow', description: 'A context in short' }), { description: 'Contexts in the requested order' }),
}, { title: 'FleetPage', description: 'A part of a sorted list of contexts', examples: [FLEET_PAGE_EXAMPLE] })
