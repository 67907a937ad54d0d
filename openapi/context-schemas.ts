import { Type } from '#typebox'
import { CONTEXT_WARNINGS, CONTEXT_WARNINGS_TEXT, type ContextWarning } from '../src/core/contexts/context-warnings.js'
import { UNLIKELY_REASONS, type Unlikely } from '../src/core/contexts/probe-spending.js'
import { STATUSES } from '../src/core/reports/context-report.js'
import { DIAGNOSES, type Diagnosis } from '../src/core/reports/diagnosis.js'
import { ADVISED_GRADERS, type AdvisedGrader } from '../src/core/reports/label-advice.js'
import { BreachSightSchema, NullableGuaranteeSchema, ScopeSchema } from './decision-schemas.js'
import { CONTEXT_DETAIL_EXAMPLE, CONTEXT_PAGE_EXAMPLE } from './examples/context-examples.js'
import { nullable, NullableRatioSchema, objectOrNull, RatioSchema, stating, TimeSchema } from './field-schemas.js'
import { NullablePinSchema, PolicySchema } from './policy-schemas.js'
import { ContextProbeFormSchema } from './probe-form-schemas.js'

const estimate = {
  estimate: Type.Number({ description: 'Estimate' }),
  low: Type.Number({ description: 'Lower bound (95 %)' }),
  high: Type.Number({ description: 'Upper bound (95 %)' }),
}

const ArmViewSchema = Type.Object({
  generations: Type.Integer({ description: 'Generations that were reported; of a group one sample' }),
  em: objectOrNull(Type.Object(estimate), 'EM (or agreement) of their answers; null: too few, or fewer than 95 % came with a grade, which would be no fair sample'),
  tokens: objectOrNull(Type.Object(estimate), 'Mean length (tokens); null: too few'),
}, { title: 'Arm', description: 'One arm; a control generation counts as many times as there were treated ones for it' })

export const ArmsSchema = Type.Object({
  control: ArmViewSchema,
  treated: ArmViewSchema,
  em_difference: objectOrNull(Type.Object({
    estimate: Type.Number({ description: 'Estimate' }),
    low: Type.Number({ description: 'Lower bound at level 0.001, which may be read at any time' }),
    high: Type.Number({ description: 'Upper bound, likewise. Below -max_em_drop, the warning is arms_differ' }),
  }, { title: 'ArmDifference', description: 'Treated minus control' }), 'EM of treated generations minus that of control ones; null: not known'),
}, { title: 'Arms', description: 'Reported control and treated generations of this epoch, since the last change of mode or pin and while a threshold was in force. Cancelled ones and later labels do not count. In mode shadow the arms must not differ' })

const FidelitySchema = Type.Object({
  treated_generations: Type.Integer({ description: 'Treated generations reported while a threshold was in force; of a group one sample: number 0, or, where outcomes state no sample_index, one on average' }),
  stops: Type.Integer({ description: 'Stops among them that were reported with their probe (stopped_probe)' }),
  stops_without_probe: Type.Integer({ description: 'Stops among them that were reported without it' }),
  stops_awaiting_label: Type.Integer({ description: 'Stops whose served answer differs from the probed one and that wait for a label, their own or that of an earlier one' }),
  ratio: NullableRatioSchema('Share of the stops whose served answer is the probed one; null: no stop was reported with its probe'),
  em_drop: NullableRatioSchema('EM of probed answers less EM of served ones, over all treated generations'),
  em_drop_low: NullableRatioSchema('Lower bound at error_level, valid however often it is read'),
  em_drop_high: NullableRatioSchema('Upper bound, likewise; stops that await a label count as lost'),
}, { title: 'Fidelity', description: 'Served answers of stops compared with the answers that were probed there, since the last change of mode or pin of this epoch' })

const BreachSchema = Type.Object({
  seen_by: BreachSightSchema,
  suspected: Type.Boolean({ description: 'Whether stops seem to lose more EM than the bound allows. This raises an "auto" control share' }),
  breached: Type.Boolean({ description: 'Whether they surely do. A certified threshold is then withdrawn with cause "breach"; a pinned one stays' }),
  held_until: nullable<string>('string', {
    format: 'date-time',
    description: 'After a breach of the context or its pool, no certified threshold is in force until this time (ISO 8601, UTC), though evidence is gathered: one follow_up_seconds, but at least half an hour; after each further one within one max_evidence_age_seconds twice as long, up to a day. A reset ends it at once. null: it is not held',
  }),
}, { title: 'Breach', description: 'Whether stops lose more EM than certified: a quarter of max_em_drop is tolerated between probed and served answers' })

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

export const PrefixSchema = (description: string) =>
  stating(Type.String({ minLength: 1, maxLength: 4096, description, examples: ['model=example'] }), KEY)

export const KeyParamsSchema = Type.Object({ key: KeySchema })

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
const DROP_LOW = 'Lower bound of the true EM drop'
const DROP_HIGH = 'Upper bound of the true EM drop. Both bounds hold at the certificate\'s level however often they are read; the interval is two-sided, so a little wider than the certificate'

const FollowUpSchema = Type.Object({
  enrolled: count('Control generations, or groups, that are enrolled'),
  accounted: count('Of those in final slices, how many are accounted for (a group counts by its samples); a threshold may be certified before the first slice is final'),
  missing: count('Of those in final slices, how many count as lost, because their outcome, their steps or a label did not come in time, or because they were reported as treated or stopped'),
  cancelled: count('Of those in final slices, how many were cancelled'),
  void: count('Control draws that did not enrol, because their list arrived too late or for another epoch, or because 16,384 were open'),
  unenrolled: count('Control outcomes of generations that should have been enrolled but were not, so they are not evidence; those that label_rate leaves out are not counted'),
  unlisted: count('Of those in unenrolled, how many no list named: their workers did not ask at the first check, or asked under another id'),
  late: count('Control outcomes that arrived after their generation had gone missing, so they are not evidence'),
  reported: count('Control outcomes of enrolled generations that have the steps they need'),
  labels_wanted: count('Of those, how many arrived without a label that they needed'),
  labels_given: count('Of those, how many got it in time'),
  signals_refused: count('Outcomes some of whose signals were left out, since signals may have 64 names in a context and 1,024 in all'),
  steps_missing: count('Control outcomes that lack steps for which a decision was asked, so they are missing'),
  unmarked: count('Of those in reported, how many state neither group_id, prompt_hash nor samples 1, so they may be samples of one prompt'),
  calls: count('Of those in reported, how many have calls of tools as their answer'),
  rewarded: count('Of those in reported, how many came with a reward'),
  unanswered: count('Of those in reported, how many asked and have no answer at any check: it was too long to be probed, or probes failed or came too late'),
  left_out: count('Control generations that the evidence leaves out: their list was void, but not because it was for the epoch before, or they were never enrolled (a group counts by its samples)'),
  listed_late: count('Of those in left_out, how many were on a list that reached the log too late, as after an outage of the store'),
}, { title: 'FollowUp', description: 'Counts of the enrolled generations of this epoch by state, and of outcomes that are not evidence' })

const DiagnosisSchema = Type.Object({
  reason: Type.Unsafe<Diagnosis>({ type: 'string', enum: Object.keys(DIAGNOSES), description: 'The first reason that applies; docs/troubleshooting.md has a paragraph for each' }),
  text: Type.String({ description: 'The reason in words, with the next step' }),
}, { title: 'Diagnosis', description: 'Why nothing is stopped' })

const EvidenceSchema = Type.Object({
  best: Type.Number({ description: 'Largest ln E since the threshold came into force' }),
  now: Type.Number({ description: 'ln E now' }),
  bar: Type.Number({ description: 'ln E that a certificate needs' }),
  holds_now: Type.Boolean({ description: 'Whether the present evidence would certify the threshold; if not, the certificate still holds, since it is about the largest value' }),
  since: TimeSchema('When this evidence began: the certificate is about traffic that resembles the time since then'),
  until: nullable<string>('string', { format: 'date-time', description: 'When the newest evidence was counted' }),
  units: Type.Number({ description: 'Generations or groups counted as this evidence' }),
  labelled: Type.Number({ description: 'How many of control_generations have a known EM, so that em_full is about them; the others needed no label, or have none' }),
  left_out: Type.Number({ description: 'Enrolled generations of this epoch about which the certificate says nothing: their client cancelled them' }),
  not_enrolled: Type.Integer({ description: 'Control generations of this epoch that should have been enrolled and were not' }),
  epochs_opened: Type.Integer({ description: 'Looks at the traffic: the first epoch, and those that began by a policy, the configuration, a reset, a probe form, a predictor, a repair or a recovery. The k-th after the first has 1 / (k (k + 1)) of the error level. When an epoch begins, the count first falls by one for each max_evidence_age_seconds since it last changed' }),
  total_error_level: Type.Number({ description: 'Chance that a threshold was certified wrongly in any of these epochs: at most twice the error level' }),
}, { title: 'Evidence', description: 'Evidence for the certified threshold' })

const GraderSchema = Type.Object({
  differing: count('Control generations with a probed answer other than the final one, whose EM is known'),
  changing: count('Of those, how many have such an answer with the same text and another EM'),
  unchanged: count('Of those in differing, how many came since the last one in changing'),
  agreeing: Type.Number({ description: 'Generations with a probed answer that agrees with the final one, whose EM is known; of a group one sample. Halved with contradicting at 1,024' }),
  contradicting: Type.Number({ description: 'Of those, how many have such an answer with the same text and another EM' }),
  answers: count('Final answers of control generations'),
  all_the_same: Type.Boolean({ description: 'Whether all of them are the same' }),
}, { title: 'Grader', description: 'What grades have shown of the grader in this epoch. It is taken for broken (grader_broken) while 30 generations or more differ and none changes EM, after one has changed while so many in a row do not that chance does not explain it, while more than 1 % of 30 or more that agree contradict, or while 30 answers or more are all the same; once it shows differences, evidence starts from zero' })

const PoolSchema = Type.Object({
  key: Type.String({ description: 'Context key of the pool' }),
  left_at: nullable<string>('string', {
    format: 'date-time',
    description: 'When it left the pool, since its own generations lost too much: only a pin stops anything in it until the pool\'s next epoch (ISO 8601, UTC); null: it belongs to the pool',
  }),
  first_generations: objectOrNull(Type.Object({
    seen: Type.Integer({ description: 'How many have been seen in the pool\'s present epoch; a group counts once' }),
    of: Type.Integer({ description: 'How many have to be seen, unless the first ten lose nothing on balance' }),
  }), 'It is a new member: its first generations run in full, and nothing in it is stopped yet. null: it is not'),
}, { title: 'PoolOfContext', description: 'The pool of a context' })

/** Of a member of a pool. */
const FIGURED = 'the certified one, or under a pin the loosest of the grid that is at least as safe'
const OWN = 'for a context of a pool, its own evidence at the threshold of the pool, which certifies nothing'

export const contextFields = {
  key: Type.String({ description: 'Context key' }),
  context: Type.Unsafe<Record<string, string>>({ type: 'object', additionalProperties: { type: 'string' }, description: 'Values of the context by level' }),
  status: Type.Unsafe<typeof status[number]>({
    type: 'string', enum: [...status], description: 'learning: no threshold is certified; unlikely: none is, nor is one likely to be (see unlikely); certified: a threshold is; drifted: a threshold was withdrawn, because of drift or a breach, and none is certified since, or the context has left its pool. A context of a pool that it has not left has the status of the pool, also while it is new there',
  }),
  pool: objectOrNull(PoolSchema, 'The pool that it is certified with; null: it is certified on its own, or is a pool'),
  mode: PolicySchema.properties.mode,
  pin: NullablePinSchema,
  pinned_at: nullable<string>('string', { description: 'Key of the context whose pin sets the threshold: this one, or its pool; null: no pin does' }),
  threshold: NullableRatioSchema('Threshold in force; null: never stop'),
  scope: ScopeSchema,
  score: Type.String({ description: 'Score that the threshold is compared with: "confidence", or the name of a predictor' }),
  guarantee: NullableGuaranteeSchema,
  control_generations: Type.Integer({ description: 'Control generations in the evidence; for a context of a pool, its own in the pool\'s present epoch' }),
  treated_generations: Type.Integer({ description: 'Treated generations in this epoch, as outcomes reported them' }),
  em_full: NullableRatioSchema('EM of the full runs in the evidence'),
  em_drop: NullableRatioSchema(`Net EM drop at the threshold that the figures are for, ${FIGURED}; ${OWN}`),
  em_drop_low: NullableRatioSchema(DROP_LOW),
  em_drop_high: NullableRatioSchema(DROP_HIGH),
  tokens_saved_ratio: NullableRatioSchema(`Tokens that this threshold saves, net of the tokens of probes; ${OWN}`),
  tokens_saved_gross_ratio: NullableRatioSchema('The same, probes not counted'),
  ...savedTokensFields,
  probe_tokens: Type.Integer({ description: 'Tokens decoded only for probes, as outcomes of both arms reported them, over all epochs' }),
  probe_prefill_tokens: Type.Integer({ description: 'Tokens prefilled again for probes, likewise' }),
  probe_overhead: NullableRatioSchema('Tokens of probes over the tokens of generations, of the last thousand or two of both arms; null: none was reported'),
  unlikely: nullable<Unlikely>('string', {
    enum: [...UNLIKELY_REASONS, null],
    description: 'Why nothing is likely to be certified, of the context or its pool. The control share is then limited by max_probe_overhead. accuracy: the thresholds that save tokens seem to lose more than max_em_drop. probe_cost: none saves more than its probes cost, whatever it loses. too_few: learning about those that save costs more than they would have saved on the traffic so far. null: something is likely, less than 500 control generations are known, or a threshold is in force',
  }),
  tokens_saved_last_day: nullable<number>('number', { description: 'Tokens that stopping has saved over the last whole day, less those of probes; null: no day is over, it had too few control generations, or stops that do not count, under a pin or in mode shadow' }),
  probe_form: objectOrNull(ContextProbeFormSchema, 'How workers force answers; for a context of a pool, that of the pool; null: no worker has said'),
  arms: ArmsSchema,
  fidelity: FidelitySchema,
  breach: BreachSchema,
  grader: GraderSchema,
  unprobed: Type.Integer({ description: 'Generations in the evidence that crossed some threshold at a step without a probe, and count as lost there' }),
  follow_up: FollowUpSchema,
  follow_up_ratio: RatioSchema('Share of the enrolled generations of final slices that are accounted for, cancelled ones aside; 1 before there are any'),
  cancelled_ratio: RatioSchema('Share of the enrolled generations of final slices that were cancelled; the certificate says nothing about them'),
  labels_needed_ratio: NullableRatioSchema('Share of the control outcomes whose answer would have changed at a threshold that may still be certified, so they needed a label of their own; null: no outcome yet'),
  labels_asked_from: NullableRatioSchema('The loosest threshold for which labels are asked for. Looser ones lose too much to be certified: answers that differ only there count as lost, so that their EM drops are upper limits. 1: no labels are asked for; null: all are'),
  open_enrolments: Type.Integer({ description: 'Generations that are enrolled and not accounted for yet. Beyond 16,384 further ones are void' }),
  unaccounted: Type.Integer({ description: 'Control generations of ended slices that are not accounted for yet, and count as lost until they are' }),
  evidence: objectOrNull(EvidenceSchema, 'Evidence for the certified threshold; null: none is certified'),
  diagnosis: objectOrNull(DiagnosisSchema, 'Why none of its generations are stopped; null: they are, at the threshold in force'),
  warnings: Type.Unsafe<readonly ContextWarning[]>({
    type: 'array',
    items: { type: 'string', enum: [...CONTEXT_WARNINGS] },
    description: 'Problems with the reports. Where one prevents a certificate, its text says so. ' + CONTEXT_WARNINGS_TEXT,
  }),
  fed_by: Type.Unsafe<Record<string, number>>({
    type: 'object', additionalProperties: { type: 'integer' }, description: 'Generations in the evidence of this epoch, by the token that reported them: up to 32 tokens, the others under "*"; empty if the service has no tokens',
  }),
  epoch: Type.Integer({ description: 'Number of the epoch, from 1' }),
  control_share: NullableRatioSchema('Share of generations in the control arm; 0 where the pool takes no evidence from the context; null where none is drawn, as above the leaves where the context is no pool'),
  generations_to_next_certificate: nullable<number>('integer', {
    description: 'Control generations until the next threshold is certified, at the rates observed; 0: those that are accounted for suffice, once few others are open; null: cannot be predicted, as while a warning forbids certificates, or where all thresholds are certified',
  }),
  check_every_tokens: nullable<number>('integer', { description: 'Least distance of the steps at which its generations ask (tokens): of its policy, or the number that "auto" amounts to, which in a pool is the pool\'s; null: nothing is certified at this level' }),
  policy: PolicySchema,
  updated_at: TimeSchema('When the last outcome came'),
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
  threshold: RatioSchema('Score'),
  lost: Type.Integer({ description: 'Control generations whose EM would have been lost by stopping here' }),
  kept: Type.Integer({ description: 'Control generations whose EM would not have changed' }),
  gained: Type.Integer({ description: 'Control generations whose EM would have been gained' }),
  unprobed: Type.Integer({ description: 'Generations counted as the worst case, since no answer was probed' }),
  em_drop: RatioSchema('Net EM drop: (lost - gained) / all'),
  em_drop_low: RatioSchema(DROP_LOW),
  em_drop_high: RatioSchema(DROP_HIGH),
  tokens_saved_ratio: RatioSchema('Share of the tokens of full runs that is saved, net of the tokens of probes; negative where they cost more'),
  tokens_saved_gross_ratio: RatioSchema('The same, probes not counted'),
  log_evidence: Type.Number({ description: 'ln E of the generations that are accounted for; in the test the others count as lost (`unaccounted`). A certificate needs at least -ln of the score\'s share of error_level here and at every safer threshold, and ln 30 more if the guarantee is post hoc' }),
  certified: Type.Boolean({ description: 'Whether this threshold and every safer one pass' }),
  generations_needed: nullable<number>('integer', { description: 'Control generations still needed to certify it, at the rates observed; 0: those that are accounted for suffice, once few others are open; null: cannot be predicted' }),
}), { description: 'Every threshold of the grid, safest first' })

const { key, threshold, control_generations, em_drop_low, em_drop_high } = contextFields

const MembersSchema = Type.Object({
  at: TimeSchema('When the members were read. Readers share one reading for up to twenty times as long as it takes'),
  total: Type.Integer({ description: 'Contexts of the pool' }),
  over_bound: Type.Integer({ description: 'Of those, how many lose more than max_em_drop by their own evidence, by estimate' }),
  left: Type.Integer({ description: 'Of those, how many have left the pool, since their own generations lost too much' }),
  new: Type.Integer({ description: 'Of those, how many are new: their first generations run in full' }),
  worst: Type.Array(Type.Object({
    key,
    threshold,
    control_generations: { ...control_generations, description: 'Its own control generations in the pool\'s present epoch; generations of which nothing came are not counted' },
    em_drop: NullableRatioSchema('Their net EM drop at the threshold of the pool; null: none yet'),
    em_drop_low,
    em_drop_high,
    tokens_saved_ratio: NullableRatioSchema('Share of their tokens that this threshold saves, net of the tokens of probes'),
    over_bound: Type.Boolean({ description: 'Whether that EM drop is beyond max_em_drop' }),
    left_at: PoolSchema.properties.left_at,
  }), { description: 'At most 20 members, first those that have lost the most answers beyond what max_em_drop allows' }),
}, { title: 'PoolMembers', description: 'Evidence of each context of a pool by itself. The guarantee is about their average only' })

const LabelAdviceSchema = Type.Object({
  grader: Type.Unsafe<AdvisedGrader>({ type: 'string', enum: [...ADVISED_GRADERS], description: 'The grader that fits what its answers look like, or the form in which they are forced' }),
  command: Type.String({ description: 'The command that starts it; words in capitals are to be replaced' }),
  judge_tokens_per_day: nullable<number>('integer', {
    description: 'Tokens that a judge would read a day at the mean traffic of the epoch, without prompts where the policy does not store them, by an estimate of four characters a token; null: no texts of wanted labels are kept',
  }),
}, { title: 'LabelAdvice', description: 'How it can get labels' })

export const ContextDetailSchema = Type.Object({
  ...contextFields,
  thresholds: ThresholdsSchema,
  members: objectOrNull(MembersSchema, 'The contexts of a pool; null: the context is not a pool'),
  label_advice: objectOrNull(LabelAdviceSchema, 'How a context that warns labels_never_given can get labels; null: it does not'),
}, {
  title: 'ContextDetail', description: 'State of one context with a row for every threshold', examples: [CONTEXT_DETAIL_EXAMPLE],
})
