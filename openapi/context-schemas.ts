import { Type } from '#typebox'
import { CONTEXT_WARNINGS, CONTEXT_WARNINGS_TEXT, type ContextWarning } from '../src/core/decide/index.js'
import { GRADER_FAULTS, type GraderFault } from '../src/core/evidence/index.js'
import { DIAGNOSES, type Diagnosis, type Interval, STATUSES } from '../src/core/reports/index.js'
import { NullableGuaranteeSchema } from './decision-schemas.js'
import { CONTEXT_DETAIL_EXAMPLE, CONTEXT_PAGE_EXAMPLE } from './examples/context-examples.js'
import {
  ArmSchema, nullable, NullableRatioSchema, NullableScoreSchema, objectOrNull, RatioSchema, ScoreSchema, stating,
  TimeSchema,
} from './field-schemas.js'
import { PinSchema, PolicySchema } from './policy-schemas.js'
import { ContextProbeFormSchema } from './probe-form-schemas.js'

/** A value with its interval, in the place of two fields. */
const NullableIntervalSchema = (description: string) => Type.Unsafe<Interval | null>({
  type: ['array', 'null'], items: { type: 'number' }, minItems: 2, maxItems: 2, description: `${description}: [low, high]`,
})

const ArmsSchema = Type.Array(Type.Object({
  arm: ArmSchema,
  generations: Type.Integer({ description: 'Generations that were reported; of a group one sample. A control generation counts as many times as there were treated ones for it' }),
  em: NullableRatioSchema('EM (or agreement) of their answers; null: too few, or fewer than 95 % came with a grade, which would be no fair sample'),
  em_interval: NullableIntervalSchema('Interval of em (95 %)'),
  tokens: nullable<number>('number', { description: 'Mean length (tokens); null: too few' }),
  tokens_interval: NullableIntervalSchema('Interval of tokens (95 %)'),
}, { title: 'Arm', description: 'One arm' }), {
  description: 'Reported control and treated generations of this epoch, since the last change of mode or pin and while a threshold was in force. Cancelled ones and later labels do not count. In mode shadow the arms must not differ',
})

const FidelitySchema = Type.Object({
  stops: Type.Integer({ description: 'Stops that were reported' }),
  awaiting_label: Type.Integer({ description: 'Stops whose served answer differs from the probed one and that wait for a label, their own or that of an earlier one' }),
  ratio: NullableRatioSchema('Share of the stops whose served answer is the probed one; null: no stop was reported'),
  em_drop: NullableRatioSchema('EM of probed answers less EM of served ones, over all treated generations'),
  interval: NullableIntervalSchema('Interval of em_drop at error_level, valid however often it is read; at its upper end stops that await a label count as lost'),
  breach: Type.Unsafe<'none' | 'suspected' | 'breached'>({
    type: 'string', enum: ['none', 'suspected', 'breached'], description: 'Whether stops lose more EM than certified: a quarter of max_em_drop is tolerated between probed and served answers. suspected: they seem to, which raises an "auto" control share; breached: they surely do, and a certified threshold is withdrawn with cause "breach"; a pinned one stays',
  }),
  held_until: nullable<string>('string', {
    format: 'date-time',
    description: 'After a breach of the context or its pool, no certified threshold is in force until this time (ISO 8601, UTC), though evidence is gathered: one follow_up_seconds, but at least half an hour; after each further one within one max_evidence_age_seconds twice as long, up to a day. A reset ends it at once. null: it is not held',
  }),
}, { title: 'Fidelity', description: 'Served answers of stops compared with the answers that were probed there, since the last change of mode or pin of this epoch' })

const SightSchema = Type.Object({
  units_lost: Type.Integer({ description: 'Of the newest 128 control units that are due (accounted for, given up, or no longer to be enrolled), those that came to nothing: void, without an entry, or missing' }),
  stops_refused: Type.Integer({ description: 'Of the newest 128 stops, those whose outcome was refused, or has nothing to compare' }),
}, { title: 'Sight', description: 'What the guards against drift and breach do not see; for a context of a pool, those of the pool. At 64 of either the threshold is suspended, until no more than 32 are left' })

const status = STATUSES

/** A level, and a value without what keys percent-encode. The code checks the rest: the levels, and that the encoding is canonical. */
const LEVEL_VALUE = '[A-Za-z][A-Za-z0-9_.-]{0,31}=([^%,=*\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]|%[0-9A-F]{2})+'
const KEY = { pattern: `^(\\*|${LEVEL_VALUE}(,${LEVEL_VALUE}){0,7})$` }

const KeySchema = stating(Type.String({
  minLength: 1,
  maxLength: 4096,
  description: 'Context key, URL-encoded: "*" is the root, "model=q,task=gsm8k" is a leaf with the default levels',
  examples: ['model=example,task=example'],
}), KEY)

const LEVEL_OPEN = '[A-Za-z][A-Za-z0-9_.-]{0,31}=\\*'

const PolicyKeySchema = stating(Type.String({
  minLength: 1,
  maxLength: 4096,
  description: 'Context key, URL-encoded, or a pattern: "model=*,task=gsm8k" is the task gsm8k of any model. The last level of a pattern has a value',
  examples: ['model=example,task=example'],
}), { pattern: `^(\\*|((${LEVEL_OPEN}|${LEVEL_VALUE}),){0,7}${LEVEL_VALUE})$` })

export const PrefixSchema = (description: string) =>
  stating(Type.String({ minLength: 1, maxLength: 4096, description, examples: ['model=example'] }), KEY)

export const KeyParamsSchema = Type.Object({ key: KeySchema })
export const PolicyKeyParamsSchema = Type.Object({ key: PolicyKeySchema })

export const ContextQuerySchema = Type.Object({
  prefix: Type.Optional(PrefixSchema('Context key: lists only this context and those below it')),
  status: Type.Optional(Type.Unsafe<typeof status[number]>({ type: 'string', enum: [...status], description: 'Lists only contexts with this status' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'Number of contexts on a page (1 to 200)' })),
  after: Type.Optional(Type.String({ minLength: 1, maxLength: 4096, description: 'The "next" of the previous page' })),
}, { additionalProperties: false })

const count = (description: string) => Type.Number({ description })

/** Tokens saved, for a context or for many. */
export const savedTokensFields = {
  tokens_saved: nullable<number>('number', {
    description: 'Estimate over all epochs of the tokens that stopping has saved, less probe_tokens; negative where asking cost more, and it may fall again. Stops under a pin are not counted; null: generations have been treated, but too few control generations have crossed the threshold',
  }),
  tokens_saved_low: nullable<number>('number', { description: 'Lower bound of tokens_saved (95 %)' }),
  tokens_saved_high: nullable<number>('number', { description: 'Upper bound of tokens_saved (95 %)' }),
  tokens_saved_gross: nullable<number>('number', { description: 'The same estimate, probes not counted' }),
}

/** Descriptions of `em_drop_low` and `em_drop_high`. */
export const DROP_LOW = 'Lower bound of the true EM drop'
export const DROP_HIGH = 'Upper bound of the true EM drop. Both bounds hold at the certificate\'s level however often they are read; the interval is two-sided, so a little wider than the certificate'

const FollowUpSchema = Type.Object({
  enrolled: count('Control generations, or groups, that are enrolled'),
  open: Type.Integer({ description: 'Of those, how many are not accounted for yet. Beyond 16,384 further ones are void' }),
  accounted: count('Of those in final slices, how many are accounted for (a group counts by its samples); a threshold may be certified before the first slice is final'),
  missing: count('Of those in final slices, how many are missing, because their outcome, their steps or a label did not come in time, or because they were reported as treated or stopped. In the test they count as lost; estimates are without them'),
  cancelled: count('Of those in final slices, how many were cancelled'),
  left_out: count('Control generations that the evidence leaves out: their list was void, but not because it was for the epoch before, or they were never enrolled (a group counts by its samples)'),
}, { title: 'FollowUp', description: 'The enrolled generations of this epoch by state. The metric stopgate_context_follow_up has further counts' })

const DiagnosisSchema = Type.Object({
  reason: Type.Unsafe<Diagnosis>({ type: 'string', enum: Object.keys(DIAGNOSES), description: 'The first reason that applies; docs/troubleshooting.md has a paragraph for each' }),
  text: Type.String({ description: 'The reason in words, with the next step' }),
}, { title: 'Diagnosis', description: 'Why nothing is stopped' })

const EvidenceSchema = Type.Object({
  log_e: nullable<number>('number', { description: 'ln E of the threshold in force now. Below bar the certificate still holds, since it is about the largest value that was reached; null: none is certified' }),
  bar: Type.Number({ description: 'ln E that a certificate needs' }),
  next_certificate_in: nullable<number>('integer', {
    description: 'Control generations until the next threshold is certified, at the rates observed; 0: those that are accounted for suffice, once few others are open; null: cannot be predicted, as while a warning forbids certificates, or where all thresholds are certified',
  }),
}, { title: 'Evidence', description: 'Strength of the evidence' })

const PoolSchema = Type.Object({
  key: Type.String({ description: 'Context key of the pool' }),
  left_at: nullable<string>('string', {
    format: 'date-time',
    description: 'When it left the pool, since its own generations lost too much: only a pin stops anything in it until the pool\'s next epoch (ISO 8601, UTC); null: it belongs to the pool',
  }),
  first_generations_left: nullable<number>('integer', {
    description: 'How many of its first generations are left to run in full, if it is a new member of which nothing is stopped yet (a group counts once; the first ten suffice if they lose nothing on balance); null: it is not',
  }),
}, { title: 'PoolOfContext', description: 'The pool of a context' })

const PinOfContextSchema = Type.Object({
  at: Type.String({ description: 'Key of the context that it is set for: this one, or its pool' }),
  reason: PinSchema.properties.reason,
  by: Type.String({ description: 'Name of the token that set it' }),
  expires_at: nullable<string>('string', { format: 'date-time', description: 'When it expires (ISO 8601, UTC); null: never' }),
}, { title: 'PinOfContext', description: 'The pin that sets the threshold' })

/** Of a member of a pool. */
const OF_MEMBER = 'for a context of a pool, by its own evidence at the threshold of the pool, which certifies nothing'

const EmSchema = Type.Object({
  full: NullableRatioSchema('EM of the full runs in the evidence; null: none is known'),
  drop: NullableRatioSchema(`Net EM drop at the threshold in force, of the generations that are accounted for; under a pin at the loosest threshold of the grid that is at least as safe; ${OF_MEMBER}; null: no threshold is in force`),
  interval: NullableIntervalSchema('Interval of the true EM drop, at the certificate\'s level however often it is read. It is two-sided, so a little wider than the certificate'),
  drop_if_missing_lost: NullableRatioSchema('The drop if all that are missing (follow_up.missing) were lost, as the test counts them'),
}, { title: 'ContextEm', description: 'EM, and what stopping loses of it' })

const TokensSchema = Type.Object({
  saved: savedTokensFields.tokens_saved,
  interval: NullableIntervalSchema('Interval of saved (95 %)'),
  saved_ratio: NullableRatioSchema(`Share of the tokens of full runs that the threshold in force saves, net of the tokens of probes; ${OF_MEMBER}`),
  probes: Type.Integer({ description: 'Tokens decoded only for probes, as outcomes of both arms reported them, over all epochs' }),
  probe_overhead: NullableRatioSchema('Tokens of probes over the tokens of generations, of the last thousand or two of both arms; null: none was reported'),
}, { title: 'ContextTokens', description: 'Tokens saved and spent' })

const GenerationsSchema = Type.Object({
  control: Type.Integer({ description: 'Control generations in the evidence; for a context of a pool, its own in the pool\'s present epoch' }),
  treated: Type.Integer({ description: 'Treated generations in this epoch, as outcomes reported them' }),
  control_share: NullableRatioSchema('Share of generations in the control arm; 0 where the pool takes no evidence from the context; null where none is drawn, as above the leaves where the context is no pool'),
  check_every_tokens: nullable<number>('integer', { description: 'Least distance of the steps at which its generations ask (tokens): of its policy, or the number that "auto" amounts to, which in a pool is the pool\'s; null: nothing is certified at this level' }),
}, { title: 'ContextGenerations', description: 'Generations by arm' })

const LabelsSchema = Type.Object({
  asked_from: NullableRatioSchema('The loosest threshold for which labels are asked for. Looser ones lose too much to be certified: answers that differ only there count as lost, so that their EM drops are upper limits. 1: no labels are asked for; null: all are'),
  grader_fault: nullable<GraderFault>('string', {
    enum: [...GRADER_FAULTS, null],
    description: 'Why the grader is taken for broken (grader_broken). equal_answers_graded_unlike: more than 1 % of 30 or more probed answers that equal the final one have another EM; answers_all_the_same: 30 final answers or more are one text; differing_answers_graded_alike: none of 30 or more answers that differ has another EM, or so many in a row have none that chance does not explain it. Once grades show differences, evidence starts from zero. null: it is not',
  }),
}, { title: 'ContextLabels', description: 'Labels of the context' })

export const contextFields = {
  key: Type.String({ description: 'Context key' }),
  context: Type.Unsafe<Record<string, string>>({ type: 'object', additionalProperties: { type: 'string' }, description: 'Values of the context by level' }),
  status: Type.Unsafe<typeof status[number]>({
    type: 'string', enum: [...status], description: 'learning: no threshold is certified; unlikely: none is, nor is one likely to be (diagnosis says why), so few generations are probed; certified: a threshold is; suspended: one is, and is not in force, since its guards cannot see (sight); drifted: a threshold was withdrawn, because of drift or a breach, and none is certified since, or the context has left its pool. A context of a pool that it has not left has the status of the pool, also while it is new there',
  }),
  mode: PolicySchema.properties.mode,
  epoch: Type.Integer({ description: 'Number of the epoch, from 1' }),
  updated_at: TimeSchema('When the last outcome came'),
  warnings: Type.Unsafe<readonly ContextWarning[]>({
    type: 'array',
    items: { type: 'string', enum: [...CONTEXT_WARNINGS] },
    description: 'Problems with the reports. Where one prevents a certificate, its text says so. ' + CONTEXT_WARNINGS_TEXT,
  }),
  diagnosis: objectOrNull(DiagnosisSchema, 'Why none of its generations are stopped; null: they are, at the threshold in force'),
  pool: objectOrNull(PoolSchema, 'The pool that it is certified with; null: it is certified on its own, or is a pool'),
  pin: objectOrNull(PinOfContextSchema, 'The pin that sets the threshold, its own or that of its pool; null: no pin does'),
  threshold: NullableScoreSchema('Threshold in force; null: never stop'),
  score: Type.String({ description: 'Score that the threshold is compared with: "confidence", "tokens", or the name of a predictor' }),
  guarantee: NullableGuaranteeSchema,
  em: EmSchema,
  tokens: TokensSchema,
  generations: GenerationsSchema,
  arms: ArmsSchema,
  em_difference_interval: NullableIntervalSchema('Interval of the EM of treated generations minus that of control ones, at level 0.001, which may be read at any time. Wholly below -max_em_drop, the warning is arms_differ; null: not known'),
  fidelity: FidelitySchema,
  sight: SightSchema,
  probe_form: objectOrNull(ContextProbeFormSchema, 'How workers force answers; for a context of a pool, that of the pool; null: no worker has said'),
  follow_up: FollowUpSchema,
  evidence: EvidenceSchema,
  labels: LabelsSchema,
  fed_by: Type.Unsafe<Record<string, number>>({
    type: 'object', additionalProperties: { type: 'integer' }, description: 'Generations in the evidence of this epoch, by the token that reported them: up to 32 tokens, the others under "*"; empty if the service has no tokens',
  }),
}

export const WantedLabelsQuerySchema = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'Number of generations on a page (1 to 1000)' })),
  after: Type.Optional(Type.String({ minLength: 1, maxLength: 1024, description: 'The "next" or "last" of an earlier page' })),
  answers: Type.Optional(Type.Boolean({ default: false, description: 'Whether to send the answers that are to be graded' })),
  wait_seconds: Type.Optional(Type.Number({ minimum: 0, maximum: 30, default: 0, description: 'How long to wait if the page is empty (seconds, 0 to 30)' })),
}, { additionalProperties: false })

const WantedLabelSchema = Type.Object({
  generation_id: Type.String({ description: 'Id of the generation' }),
  answer: nullable<string>('string', { description: 'Final answer; of a stopped generation, the served one; null: the outcome came without it' }),
  early: Type.Array(Type.Object({
    answer: Type.String({ description: 'Answer that differs from the final one' }),
    steps: Type.Array(Type.Integer(), { description: 'Places of the steps that gave it among the steps of the outcome, from 0; of a stopped generation, none' }),
  }), { description: 'The early answers that a label is about, each text once; of a stopped generation, the one that was probed where it was stopped' }),
  steps: Type.Integer({ description: 'Number of steps of the outcome: the length of verdicts, steps or step_rewards in the label' }),
  prompt: nullable<string>('string', { description: 'Text of the prompt; null: the policy does not store prompts, or the outcome came without it' }),
  until: TimeSchema('When the follow-up ends, after which its label has no effect'),
}, { title: 'WantedLabel', description: 'An outcome to be labelled, with the answers to be graded' })

export const WantedLabelsSchema = Type.Object({
  generation_ids: Type.Array(Type.String(), { description: 'Ids of generations, those that were enrolled first come first' }),
  wanted: Type.Optional(Type.Array(WantedLabelSchema, { description: 'With answers: the same generations with the answers to be graded, but for those whose answers are not kept (any more)' })),
  next: nullable<string>('string', { description: 'Start of the next page, to be passed as "after"; null: this is the last page' }),
  last: nullable<string>('string', { description: 'Place of the last generation on this page, to be passed as "after", with wait_seconds, to wait for later ones; null: none' }),
}, { title: 'WantedLabels', description: 'Generations whose outcome awaits a label', examples: [{ generation_ids: ['req-8f2c'], next: null, last: 'WzEsMC4xLCJyZXEtOGYyYyJd' }] })

const ContextViewSchema = Type.Object(contextFields, { title: 'Context', description: 'State of one context' })

export const ContextPageSchema = Type.Object({
  contexts: Type.Array(ContextViewSchema, { description: 'Contexts in the order of their keys' }),
  next: nullable<string>('string', { description: 'Start of the next page, to be passed as "after"; null: this is the last page' }),
}, { title: 'ContextPage', description: 'A page of contexts', examples: [CONTEXT_PAGE_EXAMPLE] })

export const ThresholdsSchema = Type.Array(Type.Object({
  threshold: ScoreSchema('Score'),
  lost: Type.Integer({ description: 'Control generations that are accounted for and whose EM would have been lost by stopping here' }),
  kept: Type.Integer({ description: 'Those whose EM would not have changed' }),
  gained: Type.Integer({ description: 'Those whose EM would have been gained' }),
  unprobed: Type.Integer({ description: 'Generations counted as the worst case, since no answer was probed' }),
  em_drop: RatioSchema('Net EM drop: (lost - gained) / all'),
  em_drop_low: RatioSchema(DROP_LOW),
  em_drop_high: RatioSchema(DROP_HIGH),
  tokens_saved_ratio: RatioSchema('Share of the tokens of full runs that is saved, net of the tokens of probes; negative where they cost more'),
  tokens_saved_gross_ratio: RatioSchema('The same, probes not counted'),
  log_evidence: Type.Number({ description: 'ln E of the known evidence, in which missing generations count as lost; in the test open ones do, too. A certificate needs at least -ln of the look\'s share of error_level here and at every safer threshold, and ln 30 more if the guarantee is post hoc' }),
  certified: Type.Boolean({ description: 'Whether this threshold and every safer one pass' }),
  generations_needed: nullable<number>('integer', { description: 'Control generations still needed to certify it, at the rates observed; 0: those that are accounted for suffice, once few others are open; null: cannot be predicted' }),
}), { description: 'Every threshold of the grid, safest first' })

const MembersSchema = Type.Object({
  total: Type.Integer({ description: 'Contexts of the pool' }),
  over_bound: Type.Integer({ description: 'Of those, how many lose more than max_em_drop by their own evidence, by estimate' }),
  left: Type.Integer({ description: 'Of those, how many have left the pool, since their own generations lost too much' }),
  new: Type.Integer({ description: 'Of those, how many are new: their first generations run in full' }),
  worst: Type.Array(Type.Object({
    key: contextFields.key,
    threshold: contextFields.threshold,
    control_generations: Type.Integer({ description: 'Its own control generations in the pool\'s present epoch; generations of which nothing came are not counted' }),
    em_drop: NullableRatioSchema('Their net EM drop at the threshold of the pool; null: none yet'),
    em_drop_low: NullableRatioSchema(DROP_LOW),
    em_drop_high: NullableRatioSchema(DROP_HIGH),
    tokens_saved_ratio: NullableRatioSchema('Share of their tokens that this threshold saves, net of the tokens of probes'),
    over_bound: Type.Boolean({ description: 'Whether that EM drop is beyond max_em_drop' }),
    left_at: PoolSchema.properties.left_at,
  }), { description: 'At most 20 members, first those that have lost the most answers beyond what max_em_drop allows' }),
}, { title: 'PoolMembers', description: 'Evidence of each context of a pool by itself. The guarantee is about their average only' })

const LabelAdviceSchema = Type.Object({
  command: Type.String({ description: 'The command that starts the grader that fits its answers, or the form in which they are forced; words in capitals are to be replaced' }),
  judge_tokens_per_day: nullable<number>('integer', {
    description: 'Tokens that a judge would read a day at the mean traffic of the epoch, without prompts where the policy does not store them, by an estimate of four characters a token; null: no texts of wanted labels are kept',
  }),
}, { title: 'LabelAdvice', description: 'How it can get labels' })

export const ContextDetailSchema = Type.Object({
  ...contextFields,
  thresholds: ThresholdsSchema,
  members: objectOrNull(MembersSchema, 'The contexts of a pool; null: the context is not a pool'),
  label_advice: objectOrNull(LabelAdviceSchema, 'How a context without any label can get them; null: it has some, or needs none'),
}, {
  title: 'ContextDetail', description: 'State of one context with a row for every threshold', examples: [CONTEXT_DETAIL_EXAMPLE],
})
