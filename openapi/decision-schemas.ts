import { type TSchema, Type } from '#typebox'
import {
  CONTEXT_WARNINGS, CONTEXT_WARNINGS_TEXT, type ContextWarning, type Decision, DECISION_WARNINGS, type DecisionWarning,
  MAX_TOKENS, type Reason, REASONS,
} from '../src/core/decide/index.js'
import type { Policy } from '../src/core/policy/index.js'
import { DECISION_BATCH_EXAMPLE, DECISION_EXAMPLE, FIRST_DECISION_EXAMPLE } from './examples/decision-examples.js'
import {
  ArmSchema, ConfidenceSchema, ContextSchema, described, nullable, NullableRatioSchema, NullableScoreSchema, objectOrNull,
  RatioSchema, RepeatsSchema, SignalsSchema, TextSchema, TimeSchema, TokensSchema,
} from './field-schemas.js'

const strict = { additionalProperties: false }

export const StepSchema = Type.Object({
  generation_id: Type.Optional(TextSchema('Id of the generation', ['req-8f2c'])),
  group_id: Type.Optional(TextSchema('Id of the prompt that several generations share', ['prompt-17'])),
  prompt_hash: Type.Optional(TextSchema('Hash of the prompt and of the half hour in which the generation starts, in place of group_id where the number of samples is not known. Generations with the same hash share an arm, and of those within half an hour only the first to ask is evidence', ['9f86d081884c7d65'])),
  sample: Type.Optional(Type.Integer({
    minimum: 0, maximum: 4095, description: 'Number of this sample in its group, from 0; the first step of number 0 enrols the group. Absent: the service assumes that all samples of a group start before any of them ends',
  })),
  arm: Type.Optional(ArmSchema),
  due_tokens: Type.Optional(TokensSchema('The next_check_tokens of the last reply to this generation. A treated step before it is answered continue, since evidence is about stops at checks', 512)),
  retry_of: Type.Optional(TextSchema('Id of the generation that this one repeats, after a crash for instance. A retry is never stopped, is enrolled nowhere and counts nowhere; send it with every step and with the outcome', ['req-8f2c'])),
  tokens: TokensSchema('Tokens generated so far', 512),
  confidence: ConfidenceSchema,
  context: Type.Optional(ContextSchema),
  signals: Type.Optional(SignalsSchema),
  repeats: Type.Optional(RepeatsSchema),
  probed_score: Type.Optional(Type.Unsafe<number | null>({
    type: ['number', 'null'],
    minimum: -1e-6,
    maximum: MAX_TOKENS,
    description: 'Highest score so far in this generation at which `probe` was true and an answer was forced (a confidence from 0 to 1, or tokens); null or absent: none was forced',
  })),
}, {
  ...strict,
  title: 'Step',
  description: 'One moment of a generation',
  examples: [{ generation_id: 'req-8f2c', tokens: 512, confidence: 0.97, context: { model: 'example', task: 'example' } }],
})

const GuaranteeSchema = Type.Object({
  max_em_drop: RatioSchema('EM drop that the certificate rules out, for the context, or on average over the traffic of its pool, of which one context may lose more'),
  error_level: RatioSchema('Chance that the certificate is wrong'),
  total_error_level: RatioSchema('Chance that a threshold was certified wrongly in any of the epochs of one evidence age (max_evidence_age_seconds) that count as a look at the traffic, the k-th of which after the first has 1 / (k (k + 1)) of the error level: at most twice the largest error level among them'),
  post_hoc: Type.Boolean({ description: 'Whether the requested guarantee changed after evidence had arrived, so the bar was thirty times higher' }),
  about: Type.String({ description: 'What the guarantee is about, in words: exact match, agreement with the full answer, or the preference of a judge' }),
  as_judged: Type.Boolean({ description: 'Whether labels are verdicts of a judge whose errors are not known, so that the guarantee is about its verdicts' }),
  since: TimeSchema('When its evidence began: the certificate is about traffic that resembles the time since then'),
  until: TimeSchema('When its newest evidence was counted'),
  units: Type.Integer({ description: 'Control generations, or groups, that its evidence counts' }),
  cancelled_ratio: RatioSchema('Share of the enrolled generations whose client went away; nothing is promised about them'),
  total_em_drop_bound: NullableRatioSchema('Bound on the EM drop from full runs to served answers, averaged over all generations: the sum of max_em_drop and the upper bound of what serving loses (fidelity). Each holds at error_level, so their sum holds at twice error_level. Stopped generations alone may lose several times as much; null: no stop was reported with its probe, and the certificate says nothing about served answers'),
  since_step: nullable<number>('integer', { description: 'Step of training since which the model has moved while evidence was gathered (checkpoints with continues): it is then about the policy as it moves. null: one model' }),
}, { title: 'Guarantee', description: 'Certificate behind a threshold' })

export const NullableGuaranteeSchema = objectOrNull(GuaranteeSchema, 'Certificate behind the threshold, of the context or its pool; null: there is none, as under a pin')

export const ScopeSchema = Type.Unsafe<'own' | 'pool' | 'none'>({
  type: 'string', enum: ['own', 'pool', 'none'], description: 'Where the threshold comes from: the context\'s own evidence or pin, its pool (certified on average over the pool, not for this context), or none',
})

const WarningsSchema = Type.Unsafe<readonly DecisionWarning[]>({
  type: 'array',
  items: { type: 'string', enum: [...DECISION_WARNINGS] },
  description: 'Warnings: why the step may not count as evidence. id_missing: the step has neither an id nor an arm, so its generation is treated and never evidence. context_missing: the step names no context, so it is decided in the context of generations that name none. first_step_late: the step has no arm and is past the first check, so its generation is not enrolled: echo the arm of the first reply. asked_early: the step is before its due_tokens, so its generation is not stopped here: ask at next_check_tokens of the last reply. ' + CONTEXT_WARNINGS_TEXT,
})

const ContextWarningsSchema = Type.Unsafe<readonly ContextWarning[]>({
  type: 'array', items: { type: 'string', enum: [...CONTEXT_WARNINGS] }, description: 'Like the warnings of a decision',
})

/** Where the policy says so. */
export const storePrompts = Type.Literal(true, { description: 'Outcomes may have the prompt, which is kept for graders; absent: it is dropped' })

export const RuleSchema = Type.Object({
  threshold: NullableScoreSchema('Score at which the service says stop; null: never'),
  mode: Type.Unsafe<Policy['mode']>({
    type: 'string', enum: ['enforce', 'shadow', 'off'], description: 'Mode of the policy; treated generations need no further checks unless it is "enforce"',
  }),
  scorer: Type.Optional(Type.Literal('tokens', { description: 'The thresholds are thinking budgets: the first reply of a treated generation states its budget_tokens, and a control one is asked at 32 * 2^(k/3) tokens, rounded, instead of at the distances below; absent: the score is another one' })),
  check_every_tokens: Type.Integer({ description: 'Ask again at the next multiple of this (tokens), in both arms, but not before min_tokens' }),
  check_growth: Type.Number({ description: 'Least distance to the next check, as a fraction of the tokens so far; 0: ask at the next multiple' }),
  min_tokens: Type.Integer({ description: 'Earliest step at which to ask again (tokens)' }),
  control_share: RatioSchema('Share of generations whose arm is drawn as control'),
  store_prompts: Type.Optional(storePrompts),
  warnings: ContextWarningsSchema,
}, { title: 'Rule', description: 'The rule in force in one context' })

/** The fields of each decision: the compiler names one that is missing here. */
const decisionFields = {
  decision: Type.Unsafe<'stop' | 'continue'>({
    type: 'string', enum: ['stop', 'continue'], description: '"stop": end the reasoning and answer; the decision is final',
  }),
  threshold: NullableScoreSchema('Score at which the service says stop; null: never'),
  score: NullableScoreSchema('Score of this step; null: the confidence is unknown'),
  scorer: Type.String({ description: 'Source of the score: "confidence", "tokens", or the name of a predictor' }),
  reason: Type.Unsafe<Reason>({ type: 'string', enum: [...REASONS], description: 'Reason for the decision: the first in this list that applies' }),
  would_stop: Type.Boolean({ description: 'Whether the score reached the threshold, even if the decision is "continue"' }),
  arm: ArmSchema,
  context: Type.String({ description: 'Key of the context that the threshold comes from' }),
  scope: ScopeSchema,
  next_check_tokens: nullable<number>('integer', {
    description: 'Send the next step when the generation has this many tokens, and this number as its due_tokens; null: send none, and force no further answers, since there is no further check, or the generation is treated and nothing but its budget_tokens can stop it',
  }),
  budget_tokens: Type.Optional(nullable<number>('integer', {
    description: 'Of a treated generation where the score is "tokens": end its reasoning at this many tokens without asking again, and send the number with its outcome; null: do not stop it; absent: another score, or the control arm',
  })),
  probe: Type.Boolean({
    description: 'Force an answer on the side, of a control generation here, and of a treated one where its budget_tokens ends it; send whether it is right, or the answer, in this step of the outcome, or as its stopped_probe',
  }),
  snapshot_version: Type.Integer({ description: 'Version of the snapshot that made the decision' }),
  stale: Type.Boolean({ description: 'Whether the snapshot has been out of step with the store for 30 seconds, or for half of MAX_STALENESS_SECONDS where that is less' }),
  warnings: WarningsSchema,
} satisfies Record<keyof Decision, TSchema>

const firstReplyFields = {
  guarantee: Type.Optional(objectOrNull(GuaranteeSchema, 'In the reply to a first step, one without an arm: the certificate behind the threshold, of the context or its pool; null: there is none, as under a pin; absent: the step has its arm')),
  rule: Type.Optional(described(RuleSchema, 'In the reply to a first step, one without an arm: the rule in force in its context, by which a worker knows when to ask first in its next generations; absent: the step has its arm')),
}

export const DecisionSchema = Type.Object({ ...decisionFields, ...firstReplyFields }, { title: 'Decision', description: 'Whether to stop here or continue', examples: [FIRST_DECISION_EXAMPLE, DECISION_EXAMPLE] })

const steps = { maxItems: 4096, description: 'Up to 4,096 steps; an invalid step does not affect the others' }

export const StepBatchSchema = Type.Object({ steps: Type.Array(StepSchema, steps) }, {
  ...strict,
  title: 'StepBatch',
  examples: [{ steps: [{ arm: 'treated', tokens: 512, confidence: 0.97, context: { model: 'example', task: 'example' } }, { tokens: 96, confidence: null }] }],
})

/** The shape of a batch as a whole. Its steps are validated one by one. */
export const AnyStepsSchema = Type.Object({ steps: Type.Array(Type.Unknown(), steps) }, strict)

const BadItemSchema = Type.Object({
  error: Type.Object({
    path: Type.String({ description: 'JSON pointer to the field' }),
    message: Type.String({ description: 'How to correct the input' }),
  }, { description: 'Problem of the step' }),
}, { title: 'BadItem', description: 'The step is invalid; continue' })

export const DecisionBatchSchema = Type.Object({
  snapshot_version: nullable<number>('integer', { description: 'Version of the snapshot that made all of these decisions' }),
  decisions: Type.Array(Type.Union([DecisionSchema, BadItemSchema]), { description: 'Decisions in the order of the steps' }),
}, { title: 'DecisionBatch', description: 'One decision for each step', examples: [DECISION_BATCH_EXAMPLE] })
