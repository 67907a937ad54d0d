import { type Static, Type } from '#typebox'
import { CONTEXT_WARNINGS_TEXT } from '../src/core/decide/index.js'
import { OUTCOME_WARNINGS, type OutcomeWarning } from '../src/core/learn/index.js'
import { MAX_SAMPLES } from '../src/core/outcome/index.js'
import {
  AnswerSchema, ArmSchema, ConfidenceSchema, ContextSchema, EmSchema, nullable, objectOrNull, ProbeTokensSchema,
  RepeatsSchema, ScoreSchema, SignalsSchema, stating, TextSchema, TokensSchema,
} from './field-schemas.js'

const strict = { additionalProperties: false }

const RewardSchema = (description: string) => Type.Number({ minimum: 0, maximum: 1, description: `${description} (0 to 1)` })

const ProbedStepSchema = Type.Object({
  tokens: TokensSchema('Tokens generated at the step', 256),
  confidence: ConfidenceSchema,
  signals: Type.Optional(SignalsSchema),
  repeats: Type.Optional(RepeatsSchema),
  em: Type.Optional(EmSchema('EM of the answer forced at this step')),
  reward: Type.Optional(RewardSchema('Reward of the answer forced at this step, where the outcome has one; if absent, that of the final answer where the two agree, otherwise 0')),
  answer: Type.Optional(AnswerSchema('Answer forced at this step, to be graded by the service')),
  probe_tokens: Type.Optional(ProbeTokensSchema('Tokens decoded at this step only for its confidence, which both arms pay; if no step states them, the total of the outcome is divided equally among the steps')),
}, { ...strict, title: 'ProbedStep' })

const StoppedProbeSchema = Type.Object({
  tokens: TokensSchema('Tokens generated up to the step', 512),
  em: Type.Optional(EmSchema('EM of the answer forced there')),
  reward: Type.Optional(RewardSchema('Reward of the answer forced there, where the outcome has one')),
  answer: Type.Optional(AnswerSchema('Answer forced there')),
}, {
  ...strict,
  title: 'StoppedProbe',
  description: 'The step whose reply said stop, and the answer that was probed there: answer, em or reward is needed. A stopped generation needs it, or its outcome is refused, unless it has budget_tokens; of those, one in twenty is drawn for a probe, and counts as unseen without it. It is compared with the answer that was served (fidelity), which needs a label only where the two differ',
})

const StoppedBySchema = Type.Object({
  score: ScoreSchema('Score that reached the threshold'),
  threshold: ScoreSchema('Threshold that the generation had'),
  scorer: Type.Optional(TextSchema('"tokens", or the predictor that gave the score; absent: the raw confidence', ['p-3'])),
  snapshot_version: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'snapshot_version of the bundle', examples: [44] }),
}, {
  ...strict,
  title: 'StoppedBy',
  description: 'The decision that stopped the generation, of a worker that decides by a bundle. It is shown in the list of stops (GET /v1/stops), and counts nowhere',
})

export const OutcomeSchema = Type.Object({
  generation_id: TextSchema('Id of the generation', ['req-8f2c']),
  group_id: Type.Optional(TextSchema('Id of the prompt that several generations share', ['prompt-17'])),
  prompt_hash: Type.Optional(TextSchema('The prompt_hash of the first step', ['9f86d081884c7d65'])),
  prompt: Type.Optional(Type.String({
    maxLength: 65_536, format: 'text65536', description: 'Text of the prompt, for graders (up to 64 KiB). The service keeps it only where a label is wanted and the policy says store_prompts, and drops it otherwise',
  })),
  sample_index: Type.Optional(Type.Integer({
    minimum: 0, maximum: 1_000_000, description: 'Number of the generation in its group (from 0, below samples); of several outcomes with the same number only the first counts',
  })),
  samples: Type.Optional(Type.Integer({
    minimum: 1,
    maximum: MAX_SAMPLES,
    description: 'Number of generations in the group (from 1; more than 1 needs group_id); the group is accounted for when that many outcomes have arrived; without samples, when its follow-up is over. 1 without group_id: no other generation has this prompt',
  })),
  retry_of: Type.Optional(TextSchema('Id of the generation that this one repeats; the outcome is stored, and counts nowhere', ['req-8f2c'])),
  arm: Type.Optional(ArmSchema),
  context: Type.Optional(ContextSchema),
  tokens: TokensSchema('Tokens of the whole generation', 1024),
  answer_tokens: Type.Optional(TokensSchema('Tokens that the answer costs after a stop; 0 if absent', 12)),
  em: Type.Optional(EmSchema('EM of the final answer')),
  reward: Type.Optional(RewardSchema('Reward of the final answer, in place of em')),
  answer: Type.Optional(AnswerSchema('Final answer, which the service grades against the reference')),
  reference: Type.Optional(Type.Unsafe<string | string[]>({
    type: ['string', 'array'], // with anyOf, the error for a list that is too long would be that it is not a string
    maxLength: 4096,
    format: 'text4096',
    items: { type: 'string', maxLength: 4096, format: 'text4096' },
    minItems: 1,
    maxItems: 64,
    description: 'Right answer, or a list of right answers (up to 64, 4 KiB each)',
  })),
  stopped: Type.Optional(Type.Boolean({ description: 'Whether the generation was stopped early; false if absent' })),
  stopped_probe: Type.Optional(StoppedProbeSchema),
  budget_tokens: Type.Optional(TokensSchema('The budget_tokens of the first reply, of every treated generation that got a budget, whether or not it ended there', 512)),
  stopped_by: Type.Optional(StoppedBySchema),
  end_probe: Type.Optional(Type.Object({ answer: AnswerSchema('Answer forced there') }, {
    ...strict,
    title: 'EndProbe',
    description: 'The answer forced at the natural end of the reasoning. It is compared with the answer of the outcome (probe_validity): send it for one control generation in twenty',
  })),
  cancelled: Type.Optional(Type.Boolean({
    description: 'Whether the client went away before the generation ended, so it is not evidence; false if absent. Do not set it for generations that the worker itself stops, kills or retries',
  })),
  probe_tokens: Type.Optional(ProbeTokensSchema(
    'Tokens decoded only for probes, in all; savings are net of them, in both arms. If absent, the sum over the steps')),
  probe_prefill_tokens: Type.Optional(ProbeTokensSchema('Tokens prefilled again for probes; shown beside the savings, and not deducted')),
  steps: Type.Optional(Type.Array(ProbedStepSchema, {
    maxItems: 4096,
    description: 'Every step that was sent for a decision, in order; a control generation without them is missing; [] means that no decision was requested',
  })),
  steps_asked: Type.Optional(Type.Integer({
    minimum: 0,
    maximum: 1_000_000_000,
    description: 'Number of different token counts at which a decision was requested, including requests without a reply; send it in both arms. If the steps of a control outcome ' +
      'are fewer, the generation is missing (a whole number from 0)',
  })),
  steps_complete: Type.Optional(Type.Boolean({
    description: 'false if the list lacks steps that were sent for a decision; the generation then counts as the worst case; true if absent',
  })),
}, {
  ...strict,
  title: 'Outcome',
  description: 'Outcome of a finished generation',
  examples: [{
    generation_id: 'req-8f2c',
    arm: 'control',
    context: { model: 'example', task: 'example' },
    tokens: 1024,
    em: 1,
    steps: [{ tokens: 256, confidence: 0.62, em: 0 }, { tokens: 512, confidence: 0.97, em: 1 }],
  }],
})

const outcomes = { maxItems: 4096, description: 'Up to 4,096 outcomes; an invalid outcome does not affect the others' }

export const OutcomeBatchSchema = Type.Object({ outcomes: Type.Array(OutcomeSchema, outcomes) }, {
  ...strict,
  title: 'OutcomeBatch',
  examples: [{ outcomes: [{ generation_id: 'req-8f2d', arm: 'treated', stopped: true, stopped_probe: { tokens: 512, em: 1 }, context: { model: 'example', task: 'example' }, tokens: 524, em: 1 }] }],
})

/** The shape of a batch as a whole. Its outcomes are validated one by one. */
export const AnyOutcomesSchema = Type.Object({ outcomes: Type.Array(Type.Unknown(), outcomes) }, strict)

export const ReceiptSchema = Type.Object({
  label_wanted: Type.Boolean({
    description: 'Whether a label could still change how the outcome counts: send it with POST /v1/outcomes/{generation_id}/label within the follow-up. Otherwise no label is needed',
  }),
  warnings: Type.Optional(Type.Unsafe<readonly OutcomeWarning[]>({
    type: 'array',
    items: { type: 'string', enum: [...OUTCOME_WARNINGS] },
    description: 'Warnings: why outcomes may not count as evidence; absent: none. arm_missing: the outcome does not state the arm of the first reply; samples_missing: it states group_id without samples, so the group is accounted for only when its follow-up is over; ' +
      'context_missing: it names no context, so it counts for the context of generations that name none; ' +
      'context_without_room: its context is new, and there is no room for it (MAX_CONTEXTS, of which the tokens of a prefix have a quarter), so it counts only for the contexts above; ' +
      'answer_long: its answer is much longer than the reference, and only an extracted answer can match; ' +
      'steps_missing may be about this outcome alone. ' + CONTEXT_WARNINGS_TEXT,
  })),
}, { title: 'Receipt', description: 'Reply to one outcome' })

const accepted = {
  accepted: Type.Integer({ description: 'Outcomes stored durably by this call. Whether they count as evidence shows up to two minutes later, in follow_up of the context' }),
  duplicates: Type.Integer({ description: 'Outcomes whose generation_id was stored before' }),
}

export const AcceptedSchema = Type.Object({ ...accepted, ...ReceiptSchema.properties }, {
  title: 'Accepted', description: 'The outcome is stored durably', examples: [{ accepted: 1, duplicates: 0, label_wanted: false }],
})

export const AcceptedBatchSchema = Type.Object({
  ...accepted,
  rejected: Type.Array(Type.Object({
    index: Type.Integer({ description: 'Position in the batch, from 0' }),
    path: Type.String({ description: 'JSON pointer into the outcome' }),
    message: Type.String({ description: 'How to correct the input' }),
  }), { description: 'Invalid outcomes, which were not stored' }),
  outcomes: Type.Array(objectOrNull(ReceiptSchema, 'Reply to one outcome; null: it was rejected'), { description: 'One for each outcome, in the order of the batch' }),
}, {
  title: 'AcceptedBatch',
  description: 'The valid outcomes are stored durably',
  examples: [{
    accepted: 1,
    duplicates: 1,
    rejected: [{ index: 2, path: '/tokens', message: 'must be >= 0; Tokens of the whole generation (a whole number from 0)' }],
    outcomes: [{ label_wanted: true }, { label_wanted: false, warnings: ['arm_missing'] }, null],
  }],
})

export const LabelParamsSchema = Type.Object({ generation_id: TextSchema('Id of the generation, URL-encoded', ['req-8f2c']) })

const VERDICTS = ['lost', 'tie', 'gained'] as const
export type Verdict = typeof VERDICTS[number]

export const LabelSchema = stating(Type.Object({
  em: Type.Optional(EmSchema('EM of the final answer')),
  reward: Type.Optional(RewardSchema('Reward of the final answer, in place of em')),
  step_rewards: Type.Optional(Type.Array(nullable<number>('number', { minimum: 0, maximum: 1, description: 'Reward of the answer forced at this step; null: that of the final answer where the two agree, otherwise 0' }), {
    maxItems: 4096, description: 'With reward: rewards for each step, in the order of the outcome\'s steps',
  })),
  stopped_probe_reward: Type.Optional(RewardSchema('With reward: reward of the answer probed where the generation was stopped')),
  verdicts: Type.Optional(Type.Array(nullable<Verdict>('string', { enum: [...VERDICTS, null], description: 'Comparison of the answer forced at this step with the final answer: "lost", the final one is better; "gained", the early one is; "tie"; null: not compared' }), {
    maxItems: 4096, description: 'Comparisons for each step, in the order of the outcome\'s steps and as many, in place of em. A step without one is a tie where its answer agrees with the final one, otherwise it counts as lost',
  })),
  stopped_probe_verdict: Type.Optional(Type.Unsafe<Verdict>({ type: 'string', enum: [...VERDICTS], description: 'Comparison of the answer probed where the generation was stopped with the served answer: "lost", the probed one is better; "gained", the served one is; "tie"' })),
  source: Type.Optional(TextSchema('Name of the grader, such as "math"; "judge:NAME" for a judge. The guarantee says what its labels are. Required with verdicts', ['judge:qwen3-32b'])),
  answer: Type.Optional(AnswerSchema('Final answer, if the outcome came without one')),
  reference: OutcomeSchema.properties.reference,
  stopped_probe_em: Type.Optional(EmSchema('EM of the answer probed where the generation was stopped; if absent, the reference grades it')),
  steps: Type.Optional(Type.Array(nullable<0 | 1>('integer', { enum: [0, 1, null], description: 'EM of the answer forced at this step; null: unknown' }), {
    maxItems: 4096,
    description: 'EM for each step, in the order of the outcome\'s steps; steps without one are graded by the reference, or by agreement with the final answer',
  })),
}, {
  additionalProperties: false,
  title: 'Label',
  description: 'Label of an outcome: one of em, reward, a reference to grade its answers with, or the verdicts of a comparison',
  examples: [{ em: 1 }],
}), { allOf: [{ anyOf: ['em', 'reward', 'reference', 'verdicts', 'stopped_probe_verdict'].map((field) => ({ required: [field] })) }] })

export type LabelReport = Static<typeof LabelSchema>

export const LabelledSchema = Type.Object({
  accepted: Type.Integer({ description: 'Labels stored durably by this call' }),
  duplicates: Type.Integer({ description: '1 if the outcome already had a label, which is kept' }),
}, { title: 'Labelled', description: 'The label is stored durably', examples: [{ accepted: 1, duplicates: 0 }] })
