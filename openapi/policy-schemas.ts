import { type Static, Type } from '#typebox'
import { MAX_TOKENS } from '../src/core/decide/index.js'
import { PIN_WARNINGS, type PinWarning } from '../src/core/learn/index.js'
import { DEFAULT_POLICY, type Policy, type PolicyMergePatch, type PolicyPatch } from '../src/core/policy/index.js'
import { AUDIT_EXAMPLE, COMMAND_DRY_RUN_EXAMPLE, POLICY_DRY_RUN_EXAMPLE, POLICY_REPLY_EXAMPLE } from './examples/context-examples.js'
import { nullable, NullableScoreSchema, objectOrNull, TimeSchema } from './field-schemas.js'
import { ProbeFormSchema } from './probe-form-schemas.js'
import { toNullable } from './validation.js'

export const PinSchema = Type.Object({
  threshold: nullable<number>('number', {
    minimum: 0, maximum: MAX_TOKENS, description: 'Score at which to stop (0 to 1, or tokens where the score is "tokens"); null: never stop', examples: [0.98],
  }),
  expires_in_seconds: Type.Optional(Type.Number({
    minimum: 1, maximum: 31_536_000, description: 'Lifetime of the pin (seconds, 1 to a year); absent: until it is removed', examples: [3600],
  })),
  reason: Type.String({ minLength: 1, maxLength: 500, description: 'Reason, kept in the audit trail (1 to 500 characters)', examples: ['incident 42'] }),
}, { additionalProperties: false, title: 'Pin', description: 'A threshold set by an operator, without a guarantee', examples: [{ threshold: 0.98, reason: 'incident 42' }] })

export const ReasonSchema = Type.Object({ reason: PinSchema.properties.reason }, {
  additionalProperties: false, title: 'Reason', description: 'A JSON body such as {"reason": "new weights"}', examples: [{ reason: 'new weights' }],
})

const dryRunOptions = {
  dry_run: Type.Optional(Type.Boolean({ description: 'true: report what the call would do, without doing it' })),
  confirm: Type.Optional(Type.String({
    minLength: 1, maxLength: 64, description: 'The confirm of a dry run of the same call; needed where the call concerns all contexts and changes any of them (409 UNCONFIRMED)',
  })),
}

export const DryRunQuerySchema = Type.Object(dryRunOptions, { additionalProperties: false })

const creation = {
  create: Type.Optional(Type.Boolean({
    description: 'true: the context may be unknown; absent or false: 404 CONTEXT_NOT_FOUND unless an outcome has named it or one below it, or it has a policy or pin',
  })),
}

export const PinQuerySchema = Type.Object({ ...dryRunOptions, ...creation }, { additionalProperties: false })

/** For calls without a body. */
export const ReasonQuerySchema = Type.Object({ reason: PinSchema.properties.reason, ...dryRunOptions }, { additionalProperties: false })

const ConfirmSchema = Type.String({ description: 'Send it as confirm with the same call; it holds while the same contexts change' })

const PinInForceSchema = Type.Object({
  threshold: NullableScoreSchema('Score at which to stop; null: never stop'),
  scorer: Type.Optional(Type.String({ description: '"tokens", or the predictor whose score is compared; absent: the raw confidence' })),
  reason: Type.String({ description: 'Reason that was given' }),
  by: Type.String({ description: 'Name of the token that set it' }),
  expires_at: nullable<string>('string', { format: 'date-time', description: 'When the pin ends (ISO 8601, UTC); null: when it is removed' }),
}, { title: 'PinInForce', description: 'Threshold set by an operator' })

export const NullablePinSchema = objectOrNull(PinInForceSchema, 'Threshold set by an operator; null: none')

const enumOf = <T extends string>(values: readonly T[], description: string) => Type.Unsafe<T>({ type: 'string', enum: values, description })

const modes = ['enforce', 'shadow', 'off'] as const

/** A mode in the history. */
export const ModeSchema = enumOf(modes, 'Mode in force before or after, where a policy changed it; absent: it did not')
export const ModeBeforeSchema = enumOf(modes, 'Mode that was in force before')
export const ModeAfterSchema = enumOf(modes, 'Mode that was in force after')

const fields = {
  max_em_drop: Type.Number({
    minimum: 0.001, maximum: 0.5, description: 'EM that the operator accepts to lose (fraction, from 0.001; 0.02 is 2 points); the service allows up to MAX_EM_DROP_LIMIT, 0.1 by default',
  }),
  error_level: Type.Number({ minimum: 1e-6, maximum: 0.5, description: 'Chance that a certificate is wrong (0.000001 to 0.5)' }),
  control_rate: Type.Unsafe<number | 'auto'>({
    anyOf: [{ type: 'number', minimum: 0.02, maximum: 1 }, { type: 'string', const: 'auto' }],
    description: 'Share of generations in the control arm: a number from 0.02 to 1, or "auto", which is at least 0.02; with a certified threshold in force where checkpoints continue a training, at least 0.2',
  }),
  max_probe_overhead: Type.Number({
    minimum: 0,
    maximum: 1,
    description: 'Part of the tokens that probes of control generations may take while no threshold is in force and learning is not worth its cost (fraction, 0 to 1; the control generations that the first span gathers, 930 at a max_em_drop of 0.02, are not limited, and the control share never falls below 0.02); 1: no limit',
  }),
  label: enumOf(['exact_match', 'agreement'], 'How answers are judged: "exact_match", or "agreement" with the answer of the full run'),
  label_rate: Type.Number({
    exclusiveMinimum: 0,
    maximum: 1,
    description: 'Share of the generations that are enrolled, for operators who can label only a part (above 0, to 1); the others are never evidence',
  }),
  mode: enumOf(modes, '"enforce": stop at the threshold; "shadow": decide but never stop; "off": always continue'),
  certify_at: nullable<string>('string', {
    minLength: 1,
    maxLength: 128,
    description: 'Level of CONTEXT_LEVELS whose contexts are certified as pools, each with one threshold for all contexts below it ("*": the root); null: each context is certified on its own',
  }),
  min_tokens: Type.Integer({ minimum: 0, maximum: 1_000_000_000, description: 'Never stop before this many tokens (from 0)' }),
  check_every_tokens: Type.Unsafe<number | 'auto'>({
    anyOf: [{ type: 'integer', minimum: 1, maximum: 1_000_000_000 }, { type: 'string', const: 'auto' }],
    description: 'Least distance of the steps at which workers ask (tokens, from 1); "auto": 8 times the tokens that a probe takes in the context, 16 to 1,024, as its first 4 control generations report them',
  }),
  check_growth: Type.Number({ minimum: 0, maximum: 1, description: 'Least distance to the next check, as a part of the tokens so far, so that long generations are asked about less often (0 to 1; 0.1: the next check is due a tenth of the tokens later).' }),
  follow_up_seconds: Type.Number({
    minimum: 1,
    maximum: 86_400,
    description: 'Time in which the outcome and label of an enrolled generation may arrive (seconds, 1 to 86,400)',
  }),
  evidence_span_seconds: Type.Number({
    minimum: 0,
    maximum: 604_800,
    description: 'Time that the evidence of a certificate spans, so that it is not of a few minutes only (seconds, to a week); 0: none, which is right only where the order of the traffic carries no information, as in shuffled records',
  }),
  max_evidence_age_seconds: Type.Number({
    minimum: 1, maximum: 315_360_000, description: 'Time without new evidence after which a threshold is withdrawn (seconds, 1 to ten years)',
  }),
  judge_miss_rate: nullable<number>('number', {
    minimum: 0,
    maximum: 0.9,
    description: 'Upper limit of the share of real losses that the judge does not call lost, by `stopgate grade --audit` (fraction, 0 to 0.9): losses are corrected by it, and a fifth of error_level pays for the chance that it is wrong; null: no audit, and the guarantee is "as judged"',
  }),
  judge_gain_share: Type.Number({
    minimum: 0,
    maximum: 1,
    description: 'With judge_miss_rate: lower limit of what a gain that the judge calls is worth, by the same audit (fraction, 0 to 1); 0: judged gains count as ties',
  }),
  store_prompts: Type.Boolean({
    description: 'Whether the service keeps the prompt of a generation whose label is wanted, beside its answers, until the label comes, and for a day at most; false: prompts are dropped',
  }),
  score: Type.String({
    pattern: '^[a-z0-9][a-z0-9._-]{0,63}$',
    description: 'What is compared with the threshold: "confidence"; "tokens", whose thresholds are thinking budgets; or the name of a predictor (GET /v1/predictors). Another score starts a new epoch without evidence',
  }),
}

export const PolicySchema = Type.Object(fields, { title: 'Policy', description: 'A complete policy', examples: [DEFAULT_POLICY] })

/** Fails to compile if the schema and the core's type differ in a field. */
type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : never : never
const isSame: Same<Static<typeof PolicySchema>, { -readonly [F in keyof Policy]: Policy[F] }> = true

export const PolicyPatchSchema = Type.Unsafe<PolicyPatch>({
  ...Type.Partial(PolicySchema),
  additionalProperties: isSame && false,
  title: 'PolicyPatch',
  description: 'Policy fields that this context states; the others are inherited from its parent',
  examples: [{ max_em_drop: 0.01, mode: 'shadow' }],
})

export const PolicyMergePatchSchema = Type.Unsafe<PolicyMergePatch>({
  type: 'object',
  properties: Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, toNullable(field)])),
  additionalProperties: false,
  title: 'PolicyMergePatch',
  description: 'Policy fields to change (JSON merge patch, RFC 7396); null removes a field, which is then inherited',
  examples: [{ mode: 'off' }],
})

export const PolicyQuerySchema = Type.Object({
  reason: Type.Optional(Type.String({ minLength: 1, maxLength: 500, description: 'Reason, kept in the audit trail (1 to 500 characters)' })),
  ...dryRunOptions,
}, { additionalProperties: false })

export const PolicyChangeQuerySchema = Type.Object({ ...PolicyQuerySchema.properties, ...creation }, { additionalProperties: false })

export const UNKNOWN_PER_DAY = 'null: unknown, since there is less than an hour of traffic, fewer than 10 control generations or no evidence at the threshold; and above pools and leaves'

/** What a dry run states of one context, besides its thresholds. */
const EffectFiguresSchema = Type.Object({
  mode_before: enumOf(modes, 'Mode in force now'),
  mode_after: enumOf(modes, 'Mode that would be in force; only "enforce" stops generations'),
  em_drop_before: nullable<number>('number', {
    description: 'EM lost at the threshold in force now (fraction): by the present evidence; 0 where nothing is stopped; null: unknown',
  }),
  em_drop_after: nullable<number>('number', { description: 'EM that would be lost at the threshold that would be in force' }),
  tokens_saved_ratio_before: nullable<number>('number', { description: 'Share of tokens that the threshold in force now saves, net of probes' }),
  tokens_saved_ratio_after: nullable<number>('number', { description: 'Share of tokens that would be saved' }),
  tokens_saved_per_day_before: nullable<number>('number', {
    description: `Tokens saved a day at today's traffic, net of the probes of both arms; negative: nothing is stopped, and probes are made. ${UNKNOWN_PER_DAY}`,
  }),
  tokens_saved_per_day_after: nullable<number>('number', {
    description: 'The same after the change: in a new epoch, until it certifies a threshold',
  }),
})

const TokensPerDaySchema = Type.Object({
  before: nullable<number>('number', { description: 'Tokens saved a day now; null: unknown' }),
  after: nullable<number>('number', { description: 'Tokens saved a day after the change; null: unknown' }),
  unknown: Type.Integer({ description: 'Number of changing contexts that are not in the sums, because their savings a day are unknown' }),
}, { description: 'Tokens saved a day at the traffic of the last 24 hours, net of the probes of both arms: the sum over all contexts without contexts below them' })

const effect = {
  dry_run: Type.Boolean({ description: 'true: this was a dry run, and the other fields state its effect' }),
  contexts: Type.Array(Type.Object({
    key: Type.String({ description: 'Context key' }),
    before: NullableScoreSchema('Threshold in force now; null: never stop'),
    after: NullableScoreSchema('Threshold that would be in force'),
    max_em_drop_before: Type.Number({ description: 'Bound in force now (fraction of EM)' }),
    max_em_drop_after: Type.Number({ description: 'Bound that would be in force' }),
    ...EffectFiguresSchema.properties,
    status_after: Type.String({ description: 'Status after the change: learning, unlikely, certified, suspended or drifted' }),
    new_epoch: Type.Boolean({ description: 'Whether a new epoch would start, with no evidence' }),
    post_hoc: Type.Boolean({ description: 'Whether the guarantee would count as chosen after seeing the evidence, so the bar is thirty times higher until the next epoch' }),
    undo_restores: Type.Boolean({ description: 'Whether undoing the call at once would bring back the threshold in force now; false: it would have to be certified again first' }),
  }), { description: 'Contexts that the call applies to, those that change first (at most 200)' }),
  total: Type.Integer({ description: 'Number of contexts that the call applies to' }),
  changing: Type.Integer({ description: 'Number of contexts whose threshold, mode or epoch changes' }),
  tokens_saved_per_day: TokensPerDaySchema,
  confirm: ConfirmSchema,
}

export const CommandDryRunSchema = Type.Object(effect, { title: 'CommandDryRun', description: 'Effect that the call would have', examples: [COMMAND_DRY_RUN_EXAMPLE] })

export const PinReplySchema = Type.Object({
  key: Type.String({ description: 'Context key' }),
  pinned_contexts: Type.Integer({ description: 'Number of contexts with outcomes, without contexts below, for which the pin holds' }),
  ...Type.Partial(CommandDryRunSchema).properties,
  warnings: Type.Optional(Type.Unsafe<readonly PinWarning[]>({
    type: 'array',
    items: { type: 'string', enum: [...PIN_WARNINGS] },
    description: 'pin_without_effect: the context has others below it and the pin holds for none of ' +
      'them, since it is no pool or each of its contexts has a pin of its own; absent: nothing',
  })),
}, { title: 'PinReply', description: 'Where the pin holds', examples: [{ key: 'model=steady-8b,task=choices', pinned_contexts: 1 }] })

export const PolicyReplySchema = Type.Object({
  key: Type.String({ description: 'Context key' }),
  policy: PolicyPatchSchema,
  effective: PolicySchema,
  sources: Type.Unsafe<Record<keyof Policy, string | null>>({
    type: 'object',
    additionalProperties: { type: ['string', 'null'] },
    description: 'For each field of the policy in force, the key that states it; null: none does, so it is the default of the service (DEFAULT_POLICY)',
  }),
  ...Type.Partial(CommandDryRunSchema).properties,
}, { title: 'PolicyReply', description: 'The policy that the context states, and the one in force', examples: [POLICY_REPLY_EXAMPLE] })

/** The same schema with the example of a dry run. */
export const PolicyDryRunSchema: typeof PolicyReplySchema = Object.assign({ ...PolicyReplySchema }, { examples: [POLICY_DRY_RUN_EXAMPLE] })

const types = ['policy', 'pin', 'reset', 'predictor', 'probe_form', 'acknowledgement', 'unreadable'] as const
const actions = ['added', 'retired', 'forgotten'] as const

export const AuditQuerySchema = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'Number of commands to list (1 to 1000)' })),
  before: Type.Optional(Type.String({ pattern: '^\\d{1,16}(-\\d{1,16})?$', description: 'Lists only commands older than this one: the "id" of a row, or the "next" of the page before' })),
}, { additionalProperties: false })

export const AuditSchema = Type.Object({
  commands: Type.Array(Type.Object({
    id: Type.String({ description: 'Id of the row' }),
    time: TimeSchema('When the command was stored; for an unreadable one, the latest time it can have been'),
    by: Type.String({ description: 'Name of the token; "anonymous" where the service has no tokens; "stopgate" for a pin that expired and for an unreadable command' }),
    type: Type.Unsafe<typeof types[number]>({ type: 'string', enum: [...types], description: 'Type of the change; acknowledgement: of a loss of the contents of the store; unreadable: the command is damaged in the store' }),
    key: nullable<string>('string', { description: 'Context key; null for a predictor and an acknowledgement, which belong to no single context, and for an unreadable command' }),
    reason: nullable<string>('string', { description: 'Reason that was given; null: none' }),
    policy: Type.Optional(objectOrNull(PolicyPatchSchema, 'The policy that was set; null: it was removed')),
    pin: Type.Optional(NullablePinSchema),
    predictor: Type.Optional(Type.Object({
      name: Type.String({ description: 'Name of the predictor' }),
      action: Type.Unsafe<typeof actions[number]>({
        type: 'string', enum: [...actions], description: 'added: policies may name it; retired: it is no longer used; forgotten: it was deleted',
      }),
    }, { description: 'The predictor and the action; GET /v1/predictors/{name} describes it' })),
    probe_form: Type.Optional(ProbeFormSchema),
    replaced: nullable<object>('object', { additionalProperties: true, description: 'The policy or pin that was replaced; null: there was none, and always null for other types' }),
    version: Type.Integer({ description: 'Snapshot version in which the command took effect; a reset takes effect when the learner processes it (see the history)' }),
  }), { description: 'Commands, newest first' }),
  next: nullable<string>('string', { description: 'Start of the next page, to be passed as "before"; null: this is the last page' }),
}, { title: 'Audit', description: 'Commands of operators', examples: [AUDIT_EXAMPLE] })
