import { Type } from '#typebox'
import { BUNDLE_FORMAT } from '../src/core/decide/index.js'
import { PrefixSchema } from './context-schemas.js'
import { storePrompts, ScopeSchema } from './decision-schemas.js'
import { BUNDLE_EXAMPLE } from './examples/decision-examples.js'
import {
  ContextSchema, LENGTH_POWER_DESCRIPTION, nullable, NullableRatioSchema, NullableScoreSchema, objectOrNull, TextSchema,
  WEIGHTS_DESCRIPTION,
} from './field-schemas.js'
import { ProbeFormSchema } from './probe-form-schemas.js'

const strict = { additionalProperties: false }

export const BundleQuerySchema = Type.Object({
  prefix: Type.Optional(PrefixSchema('Context key: the bundle covers this context and those below it')),
  wait: Type.Optional(Type.Integer({
    minimum: 0, maximum: 60, default: 0, description: 'With If-None-Match: how long to wait for a new bundle (seconds, up to 60)',
  })),
}, strict)

const ENTITY_TAG = '"9f86d081884c7d659a2feaa0c55ad015"'

export const BundleHeadersSchema = Type.Object({
  'if-none-match': Type.Optional(Type.String({ description: 'ETag of the bundle that you have', examples: [ENTITY_TAG] })),
})

/** Headers of replies. */
export const BUNDLE_HEADERS = {
  ETag: Type.String({ description: 'Tag of the bundle, to be sent as If-None-Match', examples: [ENTITY_TAG] }),
}

const NodeSchema = Type.Unsafe<object>({
  type: 'object',
  title: 'BundleNode',
  properties: {
    rule: { type: 'integer', description: 'Index into rules, used if the context ends here or its next value has no node; absent: this bundle does not cover the context, so continue' },
    control_share: { type: 'number', description: 'Share of generations in the control arm; absent: 1' },
    epoch: { type: 'string', description: 'Name of the epoch, for POST /v1/enrolments; absent: the context is new, so send null' },
    weights: { type: 'integer', description: 'Index into weights, of the predictor that the rule names; absent: it names none' },
    below: { type: 'object', additionalProperties: true, description: 'Nodes by value of the next level; "" stands for a level that is absent' },
    others: { type: 'integer', description: 'Index into the others of the bundle, for values that are not in `below`; absent: the rule of this node holds for them' },
  },
  description: 'A node of the context tree: one value of one level',
})

export const BundleSchema = Type.Object({
  format: Type.Literal(BUNDLE_FORMAT, { description: 'Bundle format; a worker that does not know the format must continue' }),
  state_id: Type.String({ description: 'Id of the store in which the thresholds were learned' }),
  snapshot_version: Type.Integer({ description: 'Version of the snapshot that the bundle was made from; it may go back, and later versions may decide the same' }),
  salt: nullable<string>('string', { description: 'Salt that arms are drawn with; null: the store has not been reached yet, so every generation is treated' }),
  levels: Type.Array(Type.String(), { description: 'Levels of a context, in order' }),
  prefix: Type.String({ description: 'Context that this bundle covers, with all contexts below it' }),
  rules: Type.Array(Type.Object({
    threshold: NullableRatioSchema('Raw confidence at which to stop; null: never, or by another score'),
    scorer: Type.Optional(Type.String({ description: '"tokens", or the predictor whose score decides; absent: the raw confidence decides. Under "tokens" the checks are at 32 * 2^(k/3) tokens, rounded, for k from 0 to 36, and at no other counts' })),
    score_threshold: Type.Optional(NullableScoreSchema('With scorer: the score at which to stop; null: never')),
    suspended: Type.Optional(Type.Literal(true, { description: 'The certified threshold is suspended, since its guards cannot see, so never stop; absent: none is suspended' })),
    scope: ScopeSchema,
    context: Type.Optional(Type.String({ description: 'Key of the context that the threshold comes from, if it is not the generation\'s own' })),
    label: Type.Optional(Type.Literal('agreement', { description: 'Certificates are about agreement with the model\'s own full answers; absent: exact match' })),
    mode: Type.Unsafe<'enforce' | 'shadow' | 'off'>({ type: 'string', enum: ['enforce', 'shadow', 'off'], description: 'Mode of the policy' }),
    min_tokens: Type.Integer({ description: 'No stop before this many tokens' }),
    check_every_tokens: Type.Integer({ description: 'Distance of the steps at which to decide (tokens)' }),
    check_growth: Type.Number({ description: 'Least distance to the next check, as a part of the tokens so far; 0: the distance stays' }),
    label_rate: Type.Number({ description: 'Share of the draws to enrol (the service picks them by a hash); 0: none, where a pool takes no evidence from the context' }),
    probe_form: Type.Optional(objectOrNull(ProbeFormSchema, 'How answers are forced; null: no form agrees, so do not probe for a time; absent: no worker has searched for one')),
    store_prompts: Type.Optional(storePrompts),
  }), { description: 'Rules that nodes share' }),
  predictors: Type.Unsafe<object>({
    type: 'object',
    additionalProperties: {
      type: 'object',
      properties: {
        signals: { type: 'array', items: { type: 'object', additionalProperties: true }, description: 'Name, mean and scale of each signal' },
        grid: { type: 'array', items: { type: 'number' }, description: 'Thresholds of the predictor, safest first' },
      },
    },
    description: 'Predictors that rules refer to, by name',
  }),
  weights: Type.Array(Type.Object({
    log_median: Type.Number({ description: 'ln of the median length of a full run (tokens)' }),
    length_power: Type.Number({ description: LENGTH_POWER_DESCRIPTION }),
    weights: Type.Array(Type.Number(), { description: WEIGHTS_DESCRIPTION }),
  }), { description: 'Weights that nodes refer to' }),
  others: Type.Array(Type.Object({
    named: Type.Unsafe<object>({ type: 'object', additionalProperties: true, description: 'Nodes by value of the next level; "" stands for a level that is absent' }),
    any: Type.Optional(Type.Unsafe<object>({ ...NodeSchema, description: 'The node for any other value; absent: the rule of the node above holds', 'x-named': NodeSchema })),
  }), { description: 'Nodes of values that the service does not know yet, where policies state what holds for them' }),
  root: NodeSchema,
}, { title: 'Bundle', description: 'Everything that a worker needs to decide locally', examples: [BUNDLE_EXAMPLE] })

const EnrolledSchema = Type.Object({
  generation_id: Type.Optional(TextSchema('Id of the generation')),
  group_id: Type.Optional(TextSchema('Id of the prompt that several generations share; the arm is drawn from it')),
  prompt_hash: Type.Optional(TextSchema('Hash of the prompt, if the arm was drawn from it')),
  sample: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000, description: 'Number of the generation in its group (from 0); only number 0 enrols the group' })),
}, { ...strict, title: 'DrawnGeneration', description: 'A generation whose arm was drawn: generation_id, group_id or both', anyOf: [{ required: ['generation_id'] }, { required: ['group_id'] }] })

export const EnrolmentsSchema = Type.Object({
  context: Type.Optional(ContextSchema),
  epoch: nullable<string>('string', { maxLength: 64, description: 'Epoch of the node of the bundle by which the arms were drawn; null: the bundle states none' }),
  share: Type.Number({ minimum: 0, maximum: 1, description: 'Control share at which the arms were drawn (0 to 1); at 0 nothing is enrolled' }),
  age_ms: Type.Number({ minimum: 0, maximum: 86_400_000, description: 'Time since the first of these draws, by a monotonic clock (milliseconds); draws older than 5 seconds do not enrol' }),
  generations: Type.Array(EnrolledSchema, { maxItems: 4096, description: 'Control generations whose first step was decided, up to 4,096; others enrol nothing' }),
}, {
  ...strict,
  title: 'Enrolments',
  description: 'Arms that a worker drew by a bundle, in one context, epoch and control share',
  examples: [{
    context: { model: 'example', task: 'example' }, epoch: 'example', share: 0.2, age_ms: 40, generations: [{ generation_id: 'example-1' }, { group_id: 'example-2', sample: 0 }],
  }],
})

export const EnrolledCountSchema = Type.Object({
  enrolled: Type.Integer({ description: 'Generations or groups accepted for enrolment: those whose draw is below the share, as far as label_rate enrols them' }),
}, { title: 'EnrolledCount', description: 'The draws are written to the log within a moment', examples: [{ enrolled: 1 }] })
