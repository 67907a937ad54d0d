import { Type, type Static } from 'typebox'
import { POLICY_REPLY_EXAMPLE, POLICY_DRY_RUN_EXAMPLE } from './examples/context-examples.js'
import { nullable, nullableRatio } from './field-schemas.js'
import { DEFAULT_POLICY, type Policy, type PolicyPatch } from '../src/core/policy/policy.js'

const enumOf = <T extends string>(values: readonly T[], description: string) => Type.Unsafe<T>({ type: 'string', enum: values, description })

const modes = ['enforce', 'shadow', 'off'] as const

const fields = {
  max_em_drop: Type.Number({
    minimum: 0.001, maximum: 0.5, description: 'EM the operator is willing to lose (fraction, 0.001 to 0.5; 0.02 is 2 points)',
  }),
  error_level: Type.Number({ minimum: 1e-6, maximum: 0.5, description: 'Chance that a certificate is wrong (0.000001 to 0.5)' }),
  control_rate: Type.Unsafe<number | 'auto'>({
    anyOf: [{ type: 'number', minimum: 0.02, maximum: 1 }, { type: 'string', const: 'auto' }],
    description: 'Share of generations never stopped: a number from 0.02 to 1, or "auto"',
  }),
  label: enumOf(['exact_match', 'agreement'], 'What makes an answer right: "exact_match", or "agreement" with the full run'),
  missing_labels: enumOf(['excluded', 'lost'],
    'What a missing label counts as: "excluded", nothing; "lost", the worst case at every threshold that would have stopped the generation'),
  mode: enumOf(modes, '"enforce"; "shadow" decides but never stops; "off" always continues'),
  fallback: enumOf(['continue', 'parent'],
    'Without a certificate of its own: "continue", or stop on the nearest certified "parent"\'s, which guarantees nothing for the child'),
  min_tokens: Type.Integer({ minimum: 0, maximum: 1_000_000_000, description: 'No stop before this many tokens (from 0)' }),
  check_every_tokens: Type.Integer({ minimum: 1, maximum: 1_000_000_000, description: 'Cadence of the steps (tokens, from 1)' }),
  settle_seconds: Type.Number({
    minimum: 0,
    maximum: 31_536_000,
    description: 'Arrivals this soon after an epoch starts, or the last threshold was lost, are not evidence (seconds, 0 to a year)',
  }),
  evidence_window: Type.Integer({
    minimum: 100, maximum: 100_000_000, description: 'Evidence is kept in two halves of this many generations together (from 100)',
  }),
  max_evidence_age_seconds: Type.Number({
    minimum: 1, maximum: 315_360_000, description: 'Silence of the evidence after which a threshold is taken back (seconds, 1 to ten years)',
  }),
  record_steps: Type.Boolean({
    description: 'Whether the service keeps the steps of control generations until the outcome comes, for workers that leave `steps` out of it',
  }),
  predictor: enumOf(['off', 'auto'],
    'Whether predictors are trained and may serve: "off", or "auto", where raw confidence is certified at half the error_level and predictors share the rest'),
  em_per_token_percent: nullable<number>('number', {
    minimum: 0,
    maximum: 1,
    description: 'EM that one more percent of the full run\'s tokens may cost (fraction, 0 to 1; 0.0005 is a twentieth of a point), for the trade-off view and the verdict costly_shortening on training runs; null: not stated',
  }),
  value_of_em: nullable<number>('number', {
    minimum: 0, maximum: 1e12, description: 'What one right answer is worth, in the currency of price_per_1k_tokens (0 to 1e12); null, as that: no prices',
  }),
  price_per_1k_tokens: nullable<number>('number', {
    minimum: 1e-12, maximum: 1e12, description: 'What 1,000 generated tokens cost, in the currency of value_of_em (1e-12 to 1e12); null, as that: no prices',
  }),
}

export const PolicySchema = Type.Object(fields, { title: 'Policy', description: 'A whole policy', examples: [DEFAULT_POLICY] })

/** The schema and the core's type are one: a field that differs does not compile. */
type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : never : never
const isSame: Same<Static<typeof PolicySchema>, { -readonly [F in keyof Policy]: Policy[F] }> = true

export const PolicyPatchSchema = Type.Unsafe<PolicyPatch>({
  ...Type.Partial(PolicySchema),
  additionalProperties: isSame && false,
  title: 'PolicyPatch',
  description: 'What this context states; what is absent is inherited from its parent',
  examples: [{ max_em_drop: 0.01, mode: 'shadow' }],
})

export const PolicyQuerySchema = Type.Object({
  reason: Type.Optional(Type.String({ minLength: 1, maxLength: 500, description: 'Why, for those who read it later (1 to 500 characters)' })),
  dry_run: Type.Optional(Type.Boolean({ description: 'true: say what it would do, and do nothing' })),
}, { additionalProperties: false })

export const PolicyReplySchema = Type.Object({
  key: Type.String({ description: 'Context key' }),
  policy: PolicyPatchSchema,
  effective: PolicySchema,
  dry_run: Type.Optional(Type.Boolean({ description: 'true: this is what it would be, and the rest what it would do' })),
  contexts: Type.Optional(Type.Array(Type.Object({
    key: Type.String({ description: 'Context key' }),
    before: nullableRatio('Threshold in force now; null: never stop'),
    after: nullableRatio('Threshold that would be in force'),
    mode_before: enumOf(modes, 'Mode in force now'),
    mode_after: enumOf(modes, 'Mode that would be in force: only under "enforce" does a threshold stop anybody'),
    status_after: Type.String({ description: 'settling, learning, certified or drifted' }),
    new_epoch: Type.Boolean({ description: 'Its evidence would start from zero' }),
    post_hoc: Type.Boolean({ description: 'The wish would count as chosen after looking: the bar thirty times higher until the next epoch' }),
  }), { description: 'Contexts it reaches, those that change first (at most 200)' })),
  total: Type.Optional(Type.Integer({ description: 'Contexts it reaches' })),
  changing: Type.Optional(Type.Integer({ description: 'Of them, those whose threshold, mode or epoch changes' })),
}, { title: 'PolicyReply', description: 'What the context states, and with what it inherits', examples: [POLICY_REPLY_EXAMPLE] })

/** The same, shown as a dry run. */
export const PolicyDryRunSchema: typeof PolicyReplySchema = Object.assign({ ...PolicyReplySchema }, { examples: [POLICY_DRY_RUN_EXAMPLE] })
