import { Type } from '#typebox'
import { ANSWERABLE_FIELDS, UNANSWERABLE_FIELDS } from '../src/core/reports/index.js'
import { FORECAST_LIMIT } from '../src/core/stats/index.js'
import { contextFields, ThresholdsSchema } from './context-schemas.js'
import { TRADEOFF_EXAMPLE, WHAT_IF_EXAMPLE } from './examples/tradeoff-examples.js'
import {
  described, nullable, NullableRatioSchema, NullableScoreSchema, objectOrNull, RatioSchema, ScoreSchema, TimeSchema,
} from './field-schemas.js'
import { PolicySchema, UNKNOWN_PER_DAY } from './policy-schemas.js'

const threshold = NullableScoreSchema('Score at which to stop; null: never stop')
const spot = {
  threshold,
  tokens_saved_ratio: RatioSchema('Tokens that the threshold saves, net of the tokens of probes; negative where they cost more'),
  tokens_saved_gross_ratio: RatioSchema('The same, probes not counted'),
  em_drop: Type.Number({ description: 'Observed net EM drop, (lost - gained) / all (fraction; negative: EM is gained)' }),
  em_drop_predicted: Type.Number({ description: 'EM drop on the smoothed curve, on which each further percent of tokens costs at least as much as the one before (fraction)' }),
}

const PointSchema = Type.Object({
  ...spot,
  tokens_saved_low: RatioSchema('Lower bound of the true share of tokens saved, under the assumption that all generations are equally long'),
  tokens_saved_high: RatioSchema('Upper bound of it'),
  em_drop_low: Type.Number({ description: 'Lower bound of the true EM drop (fraction)' }),
  em_drop_high: Type.Number({ description: 'Upper bound of the true EM drop (fraction); both bounds hold at the certificate\'s level however often they are read' }),
  generations_changed: Type.Integer({ description: 'Generations whose EM changes by stopping here; the drop is estimated from them' }),
  unprobed_ratio: RatioSchema('Share of generations that count as the worst case here because no answer was probed; if it is high, the drop is mostly an assumption'),
  certified: Type.Boolean({ description: 'Whether this threshold and every safer one pass' }),
}, { title: 'TradeoffPoint', description: 'A point of the curve' })

const due = {
  at: nullable<string>('string', { format: 'date-time', description: 'Predicted time, at the pace of this epoch (ISO 8601, UTC); null: cannot be predicted, or the pace has fallen and the predicted time is past' }),
  seconds: nullable<number>('number', { description: 'Predicted time from now (seconds); null: cannot be predicted' }),
}

const KneeSchema = Type.Object({ ...spot, em_below_line: RatioSchema('EM saved compared with a straight line between the ends of the curve') }, {
  title: 'TradeoffKnee', description: 'Point at which the curve bends most',
})

const NullableTurnSchema = objectOrNull(Type.Object(spot, { title: 'TradeoffTurn', description: 'First threshold that is predicted to lose too much' }),
  'Threshold from which on the predicted EM drop exceeds max_em_drop; null: no threshold\'s does')

const NextSchema = Type.Object({
  threshold: ScoreSchema('Score'),
  generations: Type.Integer({ description: 'Control generations until then, at the rates observed' }),
  ...due,
}, { title: 'NextCertificate', description: 'The next threshold to be certified' })

const HorizonSchema = Type.Object({
  generations: Type.Integer({ description: 'Control generations from now' }),
  threshold,
  tokens_saved_ratio: RatioSchema('Tokens that the threshold would save, net of the tokens of probes'),
  tokens_saved_gross_ratio: RatioSchema('The same, probes not counted'),
  ...due,
}, { title: 'TradeoffHorizon', description: 'Forecast of the certificate at that time, at the rates observed' })

const MoveSchema = Type.Object({
  time: TimeSchema('When the learner made the change'),
  cause: Type.String({ description: 'evidence, policy, pin, configuration, reset, drift, breach, left_pool, suspended, resumed, repair, recovered, evidence_stale, checkpoint, probe_form, predictor or import' }),
  epoch: Type.Integer({ description: 'Epoch after the change' }),
  before: NullableScoreSchema('The context\'s own threshold before the change; for a pin, and for a context that left its pool, the threshold that was in force; null: never stop'),
  after: NullableScoreSchema('Threshold after the change; null: never stop'),
  before_scorer: Type.Optional(Type.String({ description: 'Predictor that the threshold before applied to; absent: the raw confidence' })),
  after_scorer: Type.Optional(Type.String({ description: 'Predictor that the threshold after applies to; absent: the raw confidence' })),
}, { title: 'TradeoffMove', description: 'A change of the context\'s own threshold or pin' })

export const TradeoffSchema = Type.Object({
  key: Type.String({ description: 'Context key' }),
  score: Type.String({ description: 'Score that the thresholds are compared with' }),
  generations: Type.Integer({ description: 'Control generations that all figures here are computed from' }),
  tokens_mean: nullable<number>('number', { description: 'Mean length of the full runs (tokens)' }),
  em_full: NullableRatioSchema('EM of the full runs'),
  threshold: NullableScoreSchema('The context\'s own threshold in force; null: never stop'),
  points: Type.Array(PointSchema, { description: 'Points from never stopping to the loosest threshold with data' }),
  knee: objectOrNull(KneeSchema, 'Point at which the curve, with both axes scaled to 1 at its end, is furthest below a straight line (Kneedle); ' +
    'null: the curve loses nothing, or bends no more than noise could explain'),
  unfavourable_from: NullableTurnSchema,
  forecast: Type.Object({
    heading: nullable<'looser' | 'stricter' | 'steady'>('string', {
      enum: ['looser', 'stricter', 'steady', null], description: 'looser: more will be certified within the horizons; stricter: drift is suspected; null: no evidence',
    }),
    drift_suspicion: Type.Number({ description: 'Evidence of the drift detector against the threshold in force: about 1 without drift, suspected from 2, alarm at 10,000' }),
    control_generations_per_hour: nullable<number>('number', { description: 'Pace of the evidence, from the traffic of this epoch and the present control share; null: too few data' }),
    next_certificate: objectOrNull(NextSchema, `The next threshold to be certified; null: none within ${FORECAST_LIMIT} further control generations at the rates observed`),
    horizons: Type.Array(HorizonSchema, { description: 'Forecasts up to 10,000 control generations ahead' }),
  }, { description: 'Forecast, if answers continue to be lost and gained at the rates observed' }),
  moves: Type.Array(MoveSchema, { description: 'Latest changes, newest first (up to 10, from the newest 1,000 of all contexts)' }),
}, { title: 'Tradeoff', description: 'Trade-off between EM and tokens, from never stopping to stopping at once', examples: [TRADEOFF_EXAMPLE] })

const judged = Type.Pick(PolicySchema, ANSWERABLE_FIELDS)

const cadenceNumbers = {
  check_every_tokens: Type.Integer({ description: 'Least distance of the steps at which workers ask (tokens)' }),
  check_growth: PolicySchema.properties.check_growth,
}

const FiguresSchema = Type.Object({
  ...cadenceNumbers,
  em_drop: Type.Number({ description: 'Net EM drop observed at the threshold; 0 without one' }),
  tokens_saved_ratio: RatioSchema('Tokens saved, net of the tokens of probes; negative where probes cost more'),
  tokens_saved_gross_ratio: RatioSchema('The same, probes not counted'),
  probe_tokens: Type.Number({ description: 'Mean tokens decoded for probes in a generation until it stops' }),
  checks: Type.Number({ description: 'Mean number of checks in a generation until it stops' }),
}, { title: 'CadenceFigures', description: 'Figures of a cadence at the threshold' })

const ComparisonSchema = Type.Object({
  threshold: NullableRatioSchema('Threshold of the raw confidence in force, at which both are compared; null: none is in force, and the figures are those of full runs'),
  recorded: described(FiguresSchema, 'The cadence of the epoch'),
  asked: described(FiguresSchema, 'The one asked about'),
}, { title: 'CadenceComparison', description: 'The cadence of the epoch and another one, on the same generations' })

/** Policy fields that the evidence cannot answer for are refused, each with its reason (openapi/validation.ts). */
export const WhatIfQuerySchema = Type.Partial(judged, { additionalProperties: false, refused: UNANSWERABLE_FIELDS })

export const WhatIfSchema = Type.Object({
  key: contextFields.key,
  ...judged.properties,
  ...cadenceNumbers,
  post_hoc: Type.Boolean({ description: 'Whether the requested guarantee differs from that of the beginning of the epoch, so the bar is thirty times higher' }),
  threshold: NullableScoreSchema('Threshold that would be certified; null: none'),
  score: contextFields.score,
  em_drop: NullableRatioSchema('Net EM drop observed at that threshold'),
  em_drop_low: NullableRatioSchema('Lower bound of the true EM drop'),
  em_drop_high: NullableRatioSchema('Upper bound of the true EM drop'),
  tokens_saved_ratio: RatioSchema('Tokens that it would save, net of the tokens of probes'),
  tokens_saved_gross_ratio: RatioSchema('The same, probes not counted'),
  tokens_saved_per_day: nullable<number>('number', { description: `Tokens that it would save a day at today's traffic, net of probes; negative: probes cost more. ${UNKNOWN_PER_DAY}` }),
  tokens_saved_per_day_now: nullable<number>('number', { description: 'The same with the threshold now in force' }),
  unfavourable_from: NullableTurnSchema,
  generations: Type.Integer({ description: 'Control generations in the evidence; for another cadence, those of this epoch that were kept with all their steps (256 at most)' }),
  cadence: objectOrNull(ComparisonSchema, 'The cadence of the epoch and the one asked about, on the same generations; null: none was asked about'),
  generations_to_next_certificate: nullable<number>('integer', { description: 'Control generations until the next threshold would be certified; null: cannot be predicted' }),
  thresholds: ThresholdsSchema,
}, { title: 'WhatIf', description: 'Threshold that the present evidence would certify under another requested guarantee', examples: [WHAT_IF_EXAMPLE] })
