import { Type } from '#typebox'
import { ANSWERABLE_FIELDS, UNANSWERABLE_FIELDS } from '../src/core/views/what-if.js'
import { fields, ThresholdsSchema } from './context-schemas.js'
import { WHAT_IF_EXAMPLE } from './examples/tradeoff-examples.js'
import { described, nullable, NullableRatioSchema, objectOrNull, RatioSchema } from './field-schemas.js'
import { PolicySchema } from './policy-schemas.js'
import { NullableTurnSchema } from './tradeoff-schemas.js'

const judged = Type.Pick(PolicySchema, ANSWERABLE_FIELDS)

const FiguresSchema = Type.Object({
  check_every_tokens: PolicySchema.properties.check_every_tokens,
  check_growth: PolicySchema.properties.check_growth,
  em_drop: Type.Number({ description: 'Net EM drop observed at the threshold; 0 without one' }),
  tokens_saved_ratio: RatioSchema('Tokens saved, net of the tokens of probes; below 0 where these are more'),
  tokens_saved_gross_ratio: RatioSchema('The same, probes not counted'),
  probe_tokens: Type.Number({ description: 'Tokens decoded for probes in a generation until it stops, the mean' }),
  checks: Type.Number({ description: 'Checks in a generation until it stops, the mean' }),
}, { title: 'CadenceFigures', description: 'What a cadence would bring at the threshold' })

const ComparisonSchema = Type.Object({
  threshold: NullableRatioSchema('Threshold of the raw confidence in force, at which both are compared; null: none is, and the figures are of runs in full'),
  recorded: described(FiguresSchema, 'The cadence of the epoch'),
  asked: described(FiguresSchema, 'The one asked about'),
}, { title: 'CadenceComparison', description: 'The cadence of the epoch and another one, on the same generations' })

/** Policy fields that the evidence cannot answer for are refused, each with its reason (openapi/validation.ts). */
export const WhatIfQuerySchema = Type.Partial(judged, { additionalProperties: false, refused: UNANSWERABLE_FIELDS })

export const WhatIfSchema = Type.Object({
  key: fields.key,
  ...judged.properties,
  em_per_token_percent: nullable<number>('number', {
    description: 'EM (a fraction) that one more percent of tokens may cost: as requested, else computed from the prices; null: neither is stated',
  }),
  post_hoc: Type.Boolean({ description: 'Whether the requested guarantee differs from the one that the epoch began with, so that the bar is thirty times higher' }),
  threshold: NullableRatioSchema('Threshold that would be certified; null: none'),
  score: fields.score,
  em_drop: NullableRatioSchema('Net EM drop observed at that threshold'),
  em_drop_low: NullableRatioSchema('Lower bound of the true EM drop'),
  em_drop_high: NullableRatioSchema('Upper bound of the true EM drop'),
  tokens_saved_ratio: RatioSchema('Tokens that it would save, net of the tokens of probes'),
  tokens_saved_gross_ratio: RatioSchema('The same, probes not counted'),
  expected_utility: fields.expected_utility,
  unfavourable_from: NullableTurnSchema,
  generations: Type.Integer({ description: 'Control generations in the evidence; for another cadence, those of this epoch that were kept with all their steps (256 at most)' }),
  cadence: objectOrNull(ComparisonSchema, 'The cadence of the epoch and the one asked about, on the same generations; null: none was asked about'),
  generations_to_next_certificate: nullable<number>('integer', { description: 'Control generations until the next threshold would be certified; null: cannot be predicted' }),
  thresholds: ThresholdsSchema,
}, { title: 'WhatIf', description: 'What the present evidence would certify under another requested guarantee', examples: [WHAT_IF_EXAMPLE] })
