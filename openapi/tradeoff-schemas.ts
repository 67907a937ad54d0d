import { Type } from 'typebox'
import { TRADEOFF_EXAMPLE } from './examples/predictor-examples.js'
import { nullable, nullableRatio, ratio, time } from './field-schemas.js'

type Price = { estimate: number, low: number, high: number }

const priceFields = {
  estimate: Type.Number({ description: 'As seen (EM, a fraction, a percent of the tokens)' }),
  low: Type.Number({ description: 'Where the true one is, at least' }),
  high: Type.Number({
    description: 'and at most, at the certificate\'s level, however often one looks, where what a threshold loses or wins every looser one does too',
  }),
}

const price = (description: string) => Type.Object(priceFields, { description })
const nullablePrice = (description: string) => Type.Unsafe<Price | null>({ ...price(description), type: ['object', 'null'] })

const threshold = nullableRatio('Score at which to stop; null: never stop')
const spot = {
  threshold,
  tokens_saved_ratio: ratio('Tokens it saves'),
  em_drop: Type.Number({ description: 'Net EM drop as seen, (lost - gained) of all (fraction; below 0: EM is won)' }),
  em_drop_predicted: Type.Number({ description: 'The same on the smoothed curve, on which no percent of tokens is cheaper than one before (fraction)' }),
}

const PointSchema = Type.Object({
  ...spot,
  tokens_saved_low: ratio('Where the true share of tokens is, at least, as if all generations were equally long'),
  tokens_saved_high: ratio('and at most'),
  em_drop_low: Type.Number({ description: 'Where the true EM drop is, at least (fraction)' }),
  em_drop_high: Type.Number({ description: 'and at most, at the certificate\'s level, however often one looks (fraction)' }),
  em_per_token_percent: nullablePrice('What each percent of tokens costs on the stretch of the smoothed curve that leads here; null: too little to say'),
  generations_changed: Type.Integer({ description: 'Generations that lose or win by stopping here, on which the drop rests' }),
  unprobed_ratio: ratio('Generations that count as the worst case here, without a probe: high means that the drop is an assumption'),
  certified: Type.Boolean({ description: 'It and every safer one pass' }),
}, { title: 'TradeoffPoint', description: 'A point of the curve' })

const due = {
  at: nullable<string>('string', { format: 'date-time', description: 'When, at the pace of this epoch (ISO 8601, UTC); null: not foreseeable, or it would have been by now and less comes in than did' }),
  seconds: nullable<number>('number', { description: 'From now (seconds); null: not foreseeable' }),
}

const KneeSchema = Type.Object({ ...spot, em_below_line: ratio('EM it saves over spending EM evenly on the same tokens') })

const TurnSchema = Type.Object({
  ...spot,
  next: nullablePrice('What each percent of tokens costs on the stretch past it; null: that is too short to say'),
  rest: price('What each percent of tokens costs from here to the far end'),
  is_sure: Type.Boolean({ description: 'Whether one of the two is above what is allowed even at the low end of its interval' }),
})

const orNull = <T extends ReturnType<typeof Type.Object>>(schema: T, title: string, description: string) =>
  Type.Unsafe<Type.Static<T> | null>({ ...schema, type: ['object', 'null'], title, description })

export const NullableTurnSchema = orNull(TurnSchema, 'NullableTurn', 'The threshold past which one more percent of tokens is predicted to cost more EM than em_per_token_percent; null: ' +
    'nothing is stated, or never within the data. A null threshold in it: from the first token on')

const NextSchema = Type.Object({
  threshold: ratio('Score'),
  generations: Type.Integer({ description: 'Control generations until then, at the rates seen' }),
  ...due,
})

const HorizonSchema = Type.Object({
  generations: Type.Integer({ description: 'Control generations from now' }),
  threshold,
  tokens_saved_ratio: ratio('Tokens it would save'),
  ...due,
}, { title: 'TradeoffHorizon', description: 'What would be certified then, at the rates seen' })

const MoveSchema = Type.Object({
  time: time('When the learner made it'),
  cause: Type.String({ description: 'evidence, policy, pin, configuration, reset, drift, evidence_stale, checkpoint or predictor' }),
  epoch: Type.Integer({ description: 'Epoch after the move' }),
  before: nullableRatio('The context\'s own threshold before; at a pin the one that was in force for it; null: never stop'),
  after: nullableRatio('The same after'),
  before_scorer: Type.Optional(Type.String({ description: 'The predictor whose score that before was for; absent: the raw confidence' })),
  after_scorer: Type.Optional(Type.String({ description: 'The same of that after' })),
}, { title: 'TradeoffMove', description: 'A move of its own threshold, or of a pin' })

export const TradeoffSchema = Type.Object({
  key: Type.String({ description: 'Context key' }),
  score: Type.String({ description: 'What the thresholds are compared with' }),
  generations: Type.Integer({ description: 'Control generations behind all of it' }),
  tokens_mean: nullable<number>('number', { description: 'Mean length of the full runs (tokens)' }),
  em_full: nullableRatio('EM of the full runs'),
  threshold: nullableRatio('Its own threshold in force; null: never stop'),
  expected_utility: nullable<number>('number', {
    description: 'What that threshold is expected to win over never stopping, a generation (currency of the policy\'s prices); null without prices',
  }),
  points: Type.Array(PointSchema, { description: 'From never stopping to the loosest threshold, where the data end' }),
  knee: orNull(KneeSchema, 'NullableKnee', 'Where the curve, both axes scaled to 1 at its far end, is furthest below a straight line (Kneedle); ' +
    'null where it loses nothing or bends no more than its noise might'),
  em_per_token_percent: nullable<number>('number', {
    description: 'EM (a fraction) that one more percent of tokens may cost: the policy\'s, else what its prices come to; null: neither is stated',
  }),
  unfavourable_from: NullableTurnSchema,
  forecast: Type.Object({
    heading: nullable<'looser' | 'stricter' | 'steady'>('string', {
      enum: ['looser', 'stricter', 'steady', null], description: 'looser: more will be certified within the horizons; stricter: drift is suspected; null without evidence',
    }),
    drift_suspicion: Type.Number({ description: 'The drift detector\'s evidence against the threshold in force: around 1, suspected from 2 on, an alarm at 10,000' }),
    control_generations_per_hour: nullable<number>('number', { description: 'Pace of the evidence, by the traffic of this epoch and the control share of now; null: too little to say' }),
    next_certificate: orNull(NextSchema, 'NullableNextCertificate', 'The first threshold past those that are certified; null: at the rates seen none within a window'),
    horizons: Type.Array(HorizonSchema, { description: 'Up to 10,000 control generations ahead' }),
  }, { description: 'Where it is heading if answers go on being lost and won at the rates seen' }),
  moves: Type.Array(MoveSchema, { description: 'The last of them, newest first (10, among the newest 1,000 of all contexts)' }),
}, { title: 'Tradeoff', description: 'What tokens cost in EM, from never stopping to stopping at once', examples: [TRADEOFF_EXAMPLE] })
