import { Type } from 'typebox'
import { BUNDLE_FORMAT } from '../src/core/decide/bundle.js'
import { ScopeSchema } from './decision-schemas.js'
import { BUNDLE_EXAMPLE } from './examples/decision-examples.js'
import { LENGTH_POWER_DESCRIPTION, nullable, nullableRatio, WEIGHTS_DESCRIPTION } from './field-schemas.js'

const strict = { additionalProperties: false }

export const BundleQuerySchema = Type.Object({
  prefix: Type.Optional(Type.String({ description: 'Only this context and those below, as a context key' })),
  wait: Type.Optional(Type.Integer({
    minimum: 0, maximum: 60, default: 0, description: 'With If-None-Match: how long to wait for another bundle than that (seconds, up to 60)',
  })),
}, strict)

const NodeSchema = Type.Unsafe<object>({
  type: 'object',
  title: 'BundleNode',
  properties: {
    rule: { type: 'integer', description: 'Index into rules, for a generation that ends here or whose next value is not below; absent: not in this bundle, so continue' },
    control_share: { type: 'number', description: 'Share of generations that are control; absent: 1' },
    weights: { type: 'object', additionalProperties: { type: 'integer' }, description: 'By name of a predictor: index into weights, by which it scores here' },
    below: { type: 'object', additionalProperties: true, description: 'Nodes by value of the next level; "": the level is absent' },
  },
  description: 'What stands at one value of a level; each below is one too',
})

export const BundleSchema = Type.Object({
  format: Type.Literal(BUNDLE_FORMAT, { description: 'Of the bundle; a worker that reads another one continues' }),
  state_id: Type.String({ description: 'Of the store it was learned in' }),
  model_version: Type.Integer({ description: 'Version of the model it was made of; may go back, and later ones may decide the same' }),
  salt: nullable<string>('string', { description: 'For the arms; null: the store was not reached yet, and nothing is control' }),
  levels: Type.Array(Type.String(), { description: 'Levels of a context, in order' }),
  prefix: Type.String({ description: 'What this bundle is of' }),
  rules: Type.Array(Type.Object({
    threshold: nullableRatio('Raw confidence at which to stop; null: never, or by a score'),
    scorer: Type.Optional(Type.String({ description: 'Name of the predictor by whose score to stop; absent: by the raw confidence' })),
    score_threshold: Type.Optional(nullableRatio('Where scorer is: the score at which to stop; null: never')),
    trials: Type.Optional(Type.Array(Type.String(), { description: 'Names of the predictors on trial; absent: none' })),
    scope: ScopeSchema,
    context: Type.Optional(Type.String({ description: 'Key the threshold came from, where that is not the generation\'s own' })),
    mode: Type.Unsafe<'enforce' | 'shadow' | 'off'>({ type: 'string', enum: ['enforce', 'shadow', 'off'], description: 'Of the policy' }),
    min_tokens: Type.Integer({ description: 'No stop before (tokens)' }),
    check_every_tokens: Type.Integer({ description: 'Cadence of the steps (tokens)' }),
    record_steps: Type.Boolean({ description: 'Whether the service keeps steps; those decided elsewhere it does not see: send steps with the outcome' }),
  }), { description: 'What contexts share' }),
  predictors: Type.Unsafe<object>({
    type: 'object',
    additionalProperties: {
      type: 'object',
      properties: {
        signals: { type: 'array', items: { type: 'object', additionalProperties: true }, description: 'name, mean and scale of each signal' },
        grid: { type: 'array', items: { type: 'number' }, description: 'Its thresholds, safest first' },
      },
    },
    description: 'The predictors that rules name, by name',
  }),
  weights: Type.Array(Type.Object({
    log_median: Type.Number({ description: 'ln of the median length of a full run (tokens)' }),
    length_power: Type.Number({ description: LENGTH_POWER_DESCRIPTION }),
    weights: Type.Array(Type.Number(), { description: WEIGHTS_DESCRIPTION }),
  }), { description: 'What nodes point into' }),
  root: NodeSchema,
}, { title: 'Bundle', description: 'All that a worker needs to decide by itself', examples: [BUNDLE_EXAMPLE] })
