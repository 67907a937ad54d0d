import { clampConfidence } from '../decide/scorer.js'
import { type Arm, secondHash, uniform } from '../decide/arm.js'
import { EIGHTHS } from '../stats/certificate.js'
import type { Em } from '../decide/step.js'
import type { Context } from '../policy/context.js'
import type { Label } from '../policy/policy.js'
import { agreementWith, answerDigest, exactMatcher, type Normalise, rememberingNormaliser } from './exact-match.js'
import { rewardGrader } from './reward.js'
import { areToolCalls } from './tool-calls.js'

/**
 * Limit on the samples of a group; any more count as missing. The learner keeps what each sample has shown, and workers may give one
 * `group_id` to all of their generations.
 */
export const MAX_SAMPLES = 4096

/** Right (1) or wrong (0) under each label that could be judged. */
type Judged = { readonly [L in Label]?: Em }

/** An answer with its grade. */
interface Graded extends Judged {
  /** So that a late label can grade it; absent where the outcome had `em` or `reference`, except of the final answer. */
  readonly answer_digest?: string
  /**
   * Whether the worker graded an answer that agrees with the final one, but may have another grade: its text is another one, or its grade
   * is a reward, which may depend on more than the answer.
   */
  readonly may_differ?: boolean
}

export interface LoggedStep extends Graded {
  readonly tokens: number
  readonly confidence: number | null
  readonly signals?: Readonly<Record<string, number>>
  /** The worker found that the generation goes round in a loop. */
  readonly repeats?: true
  /** Tokens decoded for the probes up to and with this step, in either arm; absent: none. */
  readonly asked_tokens?: number
  /** What stopping here would have lost, in [-1, 1], as rewards or a label compare the two answers; absent: none do. */
  readonly difference?: number
}

/** The step at which a generation was stopped, and the answer that was probed there. */
export interface StoppedProbe extends Graded {
  /** Of the probed prefix. */
  readonly tokens: number
}

/** A finished generation in the log: graded, without the text of any answer. */
export interface LoggedOutcome {
  readonly type: 'outcome'
  readonly generation_id: string
  /** The uniform draw in [0, 1): control if and only if it is below the control share. */
  readonly u: number
  /** Its second hash, in [0, 1), by which `label_rate` enrols. */
  readonly hash: number
  /** `u` was drawn from the hash of its prompt: of several generations only that which enrolled the prompt counts. */
  readonly by_prompt?: true
  /** It may be one of several samples of a prompt: nothing says that it is not. */
  readonly is_unmarked?: true
  /** Its answer is calls of tools; not stated of treated generations. */
  readonly is_call?: true
  /** Its answer has a reward; not stated of treated generations. */
  readonly is_rewarded?: true
  readonly arm: Arm | null
  /** It repeats another generation, and counts nowhere. */
  readonly is_retry?: true
  readonly context: Context
  readonly tokens: number
  readonly answer_tokens: number
  readonly stopped: boolean
  /** The budget that its first reply stated; absent: it stated none. */
  readonly budget_tokens?: number
  /** Absent: it was not stopped, or by a budget without a probe. */
  readonly stopped_probe?: StoppedProbe
  /** The client went away before it ended. */
  readonly cancelled?: boolean
  /** No label is asked for it: its answer differs only at thresholds that lose too much anyway. The service notes it. */
  readonly no_label?: true
  /** Whether an answer forced at the natural end of its reasoning equals the final one; absent: none was forced. */
  readonly end_probe?: 0 | 1
  /** Number of samples in its group; absent if it has no group or did not state the number. */
  readonly samples?: number
  /** `null` without a group, `-1` in a group without an index. */
  readonly sample_index: number | null
  readonly full: Judged
  /** Digest of the final answer; absent if its text is not known. */
  readonly answer_digest?: string
  /** `null`: the worker sent none. */
  readonly steps: readonly LoggedStep[] | null
  readonly steps_complete: boolean
  /** Of a treated generation: at how many token counts it asked; absent: not stated. */
  readonly steps_asked?: number
  /** Tokens decoded for its probes, and tokens prefilled again for them; absent: none. */
  readonly probe_tokens?: number
  readonly probe_prefill_tokens?: number
  /** The part of the decoded tokens that a generation of either arm would have spent at these steps. */
  readonly asked_tokens?: number
  /** Name of the token that reported it; absent where the service has no tokens. */
  readonly by?: string
  /** The prefix that the token is bound to, if the context was unknown. */
  readonly prefix?: string
}

interface Answered { readonly em?: Em | undefined, readonly reward?: number | undefined, readonly answer?: string | undefined }

/** An outcome as a worker reports it (`POST /v1/outcomes`). */
export interface ReportedOutcome extends Answered {
  readonly generation_id: string
  readonly group_id?: string
  readonly prompt_hash?: string
  /** Its text, for graders: no part of the logged outcome. */
  readonly prompt?: string
  readonly sample_index?: number
  readonly retry_of?: string
  readonly arm?: Arm
  readonly context?: Context
  readonly tokens: number
  readonly answer_tokens?: number
  readonly reference?: string | readonly string[]
  readonly stopped?: boolean
  readonly stopped_probe?: Answered & { readonly tokens: number }
  readonly stopped_by?: StoppedBy
  readonly budget_tokens?: number
  /** The answer forced at the natural end of the reasoning. */
  readonly end_probe?: { readonly answer: string }
  readonly cancelled?: boolean
  readonly samples?: number
  readonly steps?: ReadonlyArray<Answered & {
    readonly tokens: number
    readonly confidence: number | null
    readonly signals?: Readonly<Record<string, number>>
    readonly repeats?: boolean
    readonly probe_tokens?: number
  }>
  readonly steps_complete?: boolean
  readonly probe_tokens?: number
  readonly probe_prefill_tokens?: number
  /** Number of token counts at which the worker asked for a decision. */
  readonly steps_asked?: number
}

/** The decision by which a worker stopped a generation by itself. It is only shown. */
export interface StoppedBy {
  readonly score: number
  readonly threshold: number
  /** `tokens`, or the name of the predictor that gave the score; absent: the raw confidence. */
  readonly scorer?: string
  readonly snapshot_version: number
}

/** An answer with its grade and, where rewards grade, its loss. */
type Compared = { -readonly [F in keyof Graded]?: Graded[F] } & { difference?: number }

/** Returns the grader of an outcome's final and probed answers. An answer that a late label may grade keeps its digest. */
function graderOf (salt: string, outcome: ReportedOutcome, normalise: Normalise): (answered: Answered) => Compared {
  const { generation_id: id, em: fullEm, reward: fullReward, reference, answer: fullAnswer } = outcome
  const mayLabelCome = fullEm === undefined && fullReward === undefined && reference === undefined
  const rewards = fullReward === undefined ? undefined : rewardGrader(`${salt}:${id}`, fullReward)
  const isRight = reference === undefined ? undefined : exactMatcher(reference, normalise)
  const agrees = fullAnswer === undefined ? undefined : agreementWith(fullAnswer, normalise)
  return ({ em, reward, answer }) => {
    const compared: Compared = {}
    const agreement = answer === undefined ? undefined : agrees?.(answer)
    if (rewards !== undefined) {
      const own = reward ?? (agreement === undefined ? undefined : agreement * fullReward!)
      if (own !== undefined) Object.assign(compared, { exact_match: rewards.em(own), difference: rewards.eighthsLost(own) / EIGHTHS })
    } else if (em !== undefined) compared.exact_match = em
    else if (answer !== undefined && isRight !== undefined) compared.exact_match = isRight(answer)
    else if (answer !== undefined && mayLabelCome) compared.answer_digest = answerDigest(salt, answer, normalise)
    if (agreement !== undefined) compared.agreement = agreement
    const isOwnGrade = reward !== undefined || (em !== undefined && answer?.trim() !== fullAnswer?.trim())
    if (agreement === 1 && isOwnGrade) compared.may_differ = true
    return compared
  }
}

/**
 * Grades an outcome for the log. Exact Match is the worker's `em`, otherwise `answer` against `reference`; a `reward` takes its place.
 * Agreement takes the final answer as right, even an empty one, and a probe as right where it agrees with the final answer.
 * @param salt the store's, for the draw and the digests
 * @param normalise caches answers by default, since most probes of a generation give the same one
 */
export function gradeOutcome (salt: string, outcome: ReportedOutcome, normalise: Normalise = rememberingNormaliser()): LoggedOutcome {
  const { group_id: group, prompt_hash: prompt, stopped_probe: probe, end_probe: atEnd } = outcome
  const grade = graderOf(salt, outcome, normalise)
  const { answer_digest: digest, exact_match: em } = grade(outcome)
  const { answer } = outcome
  const full = { ...(em !== undefined && { exact_match: em }), ...(answer !== undefined && { agreement: 1 as const }) }
  const isFullRun = outcome.stopped !== true && outcome.arm !== 'treated' && outcome.retry_of === undefined
  const sent = outcome.steps ?? (isFullRun && outcome.steps_asked === 0 ? [] : undefined)
  const steps = sent?.map(({ tokens, confidence, signals, repeats, em, reward, answer }): LoggedStep => ({
    tokens,
    confidence: clampConfidence(confidence),
    ...(signals && { signals }),
    ...(repeats === true && { repeats }),
    ...grade({ em, reward, answer }),
  }))
  const { probe_prefill_tokens: prefilled = 0, probe_tokens: decoded = probeTokensOfSteps(outcome) ?? 0 } = outcome
  return {
    type: 'outcome',
    generation_id: outcome.generation_id,
    u: uniform(salt, group ?? prompt ?? outcome.generation_id),
    hash: secondHash(salt, group ?? outcome.generation_id),
    ...(group === undefined && prompt !== undefined && { by_prompt: true }),
    ...(isUnmarked(outcome) && { is_unmarked: true }),
    ...(outcome.arm !== 'treated' && answer !== undefined && areToolCalls(answer) && { is_call: true }),
    ...(outcome.arm !== 'treated' && outcome.reward !== undefined && { is_rewarded: true }),
    arm: outcome.arm ?? null,
    ...(outcome.retry_of !== undefined && { is_retry: true }),
    context: outcome.context ?? {},
    tokens: outcome.tokens,
    answer_tokens: outcome.answer_tokens ?? 0,
    stopped: outcome.stopped ?? false,
    ...(outcome.budget_tokens !== undefined && { budget_tokens: outcome.budget_tokens }),
    ...(probe !== undefined && { stopped_probe: gradeStoppedProbe(probe.tokens, grade(probe)) }),
    ...(outcome.cancelled === true && { cancelled: true }),
    ...(atEnd !== undefined && answer !== undefined && { end_probe: agreementWith(answer, normalise)(atEnd.answer) }),
    ...(group !== undefined && outcome.samples !== undefined && { samples: outcome.samples }),
    sample_index: group === undefined ? null : outcome.sample_index ?? -1,
    full,
    ...(answer !== undefined && { answer_digest: digest ?? answerDigest(salt, answer, normalise) }),
    ...(decoded > 0 && { probe_tokens: decoded }),
    ...(prefilled > 0 && { probe_prefill_tokens: prefilled }),
    ...(steps === undefined ? { steps: null } : withProbeCosts(outcome, steps)),
    steps_complete: (outcome.steps_complete ?? true) && !(isFullRun && lacksSteps(outcome)),
    ...((outcome.stopped === true || outcome.arm === 'treated') && stepsAsked(outcome)),
  }
}

/** The probed and the served answer of a stop are compared by grades alone, so the size of a difference is left out. */
function gradeStoppedProbe (tokens: number, { difference: _, ...graded }: Compared): StoppedProbe { return { tokens, ...graded } }

/** Whether an outcome does not say whether its prompt has other samples. */
export function isUnmarked ({ group_id: group, prompt_hash: prompt, samples }: ReportedOutcome): boolean {
  return group === undefined && prompt === undefined && samples !== 1
}

/** Whether an outcome has fewer steps than its worker asked at. Outcomes without any are known by `steps` alone. */
function lacksSteps ({ steps, steps_asked: asked = 0 }: ReportedOutcome): boolean {
  return steps !== undefined && new Set(steps.map(({ tokens }) => tokens)).size < asked
}

/** At how many token counts a worker asked, as it says or as its steps show. */
function stepsAsked ({ steps_asked: stated, steps }: ReportedOutcome): Pick<LoggedOutcome, 'steps_asked'> {
  const asked = stated ?? (steps && new Set(steps.map(({ tokens }) => tokens)).size)
  return asked === undefined ? {} : { steps_asked: asked }
}

/** The texts that grading an outcome normalises; their length decides how long it takes. */
export function textsOf ({ answer = '', reference = [], stopped_probe: probe, end_probe: atEnd, steps = [] }: ReportedOutcome): string[] {
  return [answer, probe?.answer ?? '', atEnd?.answer ?? '', ...[reference].flat(), ...steps.map((step) => step.answer ?? '')]
}

/** A contradiction within an outcome that its schema cannot express: a path and a remedy, or `null`. */
export function outcomeProblem (outcome: ReportedOutcome): { path: string, message: string } | null {
  const unrewarded = rewardProblem(outcome)
  if (unrewarded !== null) return unrewarded
  if (outcome.arm === 'control' && outcome.stopped === true) {
    return { path: '/stopped', message: 'a control generation is never stopped: send stopped false, or arm "treated"' }
  }
  if (outcome.cancelled === true && outcome.stopped === true) {
    return { path: '/cancelled', message: 'a stopped generation ended before the client went away: send cancelled false, or stopped false' }
  }
  if (outcome.retry_of === outcome.generation_id) {
    return { path: '/retry_of', message: 'is the id of the generation that this one repeats: give this one an id of its own' }
  }
  const { stopped_probe: probe, steps = [], tokens, samples, sample_index: index } = outcome
  if (probe !== undefined && outcome.stopped !== true) {
    return { path: '/stopped_probe', message: 'is the probe that stopped the generation: send stopped true, or omit stopped_probe' }
  }
  if (outcome.stopped_by !== undefined && outcome.stopped !== true) {
    return { path: '/stopped_by', message: 'is the decision that stopped the generation: send stopped true, or omit stopped_by' }
  }
  if (outcome.end_probe !== undefined && (outcome.stopped === true || outcome.answer === undefined)) {
    return { path: '/end_probe', message: 'is compared with the answer of a generation that ran to its end: send answer and no stopped, or omit end_probe' }
  }
  if (outcome.budget_tokens !== undefined && outcome.arm === 'control') {
    return { path: '/budget_tokens', message: 'a control generation has no budget: omit it, or send arm "treated"' }
  }
  const isProbed = probe?.em !== undefined || probe?.reward !== undefined || probe?.answer !== undefined
  if (outcome.stopped === true && !isProbed && (probe !== undefined || outcome.budget_tokens === undefined)) {
    return { path: '/stopped_probe', message: 'is required where stopped is true: send the tokens of the step that stopped the generation, with the answer probed there, its em or its reward' }
  }
  if (probe !== undefined && probe.tokens > tokens) {
    return { path: '/stopped_probe/tokens', message: `the probed prefix cannot have more tokens than the whole generation (${tokens})` }
  }
  const asked = probeTokensOfSteps(outcome)
  if (asked !== undefined && outcome.probe_tokens !== undefined && outcome.probe_tokens < asked) {
    return { path: '/probe_tokens', message: `must be at least ${asked}, the sum of the probe_tokens of its steps` }
  }
  if (samples !== undefined && samples !== 1 && outcome.group_id === undefined) {
    return { path: '/samples', message: 'is the number of generations of a group: send group_id too, or omit samples' }
  }
  if (samples !== undefined && index !== undefined && index >= samples) {
    return { path: '/sample_index', message: `must be below samples (${samples}): the samples of a group are numbered from 0` }
  }
  for (let i = 0; i < steps.length; i++) {
    if (i > 0 && steps[i]!.tokens < steps[i - 1]!.tokens) {
      return { path: `/steps/${i}/tokens`, message: 'steps must be in the order in which they were asked: tokens may not decrease' }
    }
    if (steps[i]!.tokens > tokens) {
      return { path: `/steps/${i}/tokens`, message: `a step cannot have more tokens than the whole generation (${tokens})` }
    }
  }
  return null
}

/** Rewards beside other grades, or of early answers alone. */
function rewardProblem (outcome: ReportedOutcome): { path: string, message: string } | null {
  const { reward, em, reference, steps = [], stopped_probe: probe } = outcome
  if (reward !== undefined) {
    const isDouble = em !== undefined || reference !== undefined || probe?.em !== undefined || steps.some((step) => step.em !== undefined)
    return isDouble ? { path: '/reward', message: 'takes the place of em and reference, at steps too: send one of them' } : null
  }
  const at = steps.findIndex((step) => step.reward !== undefined)
  if (at !== -1) return { path: `/steps/${at}/reward`, message: 'is compared with the reward of the final answer: send reward with the outcome' }
  return probe?.reward === undefined
    ? null
    : { path: '/stopped_probe/reward', message: 'is compared with the reward of the served answer: send reward with the outcome' }
}

/** Costs of probes as a worker reports them, in decoded tokens. */
interface ReportedCosts {
  readonly probe_tokens?: number
  readonly steps?: ReadonlyArray<{ readonly probe_tokens?: number }> | null
}

/** Tokens decoded for the probes of a generation, summed over its steps; `undefined` if no step states a cost. */
export function probeTokensOfSteps (reported: ReportedCosts): number | undefined {
  const steps = reported.steps ?? []
  if (steps.every(({ probe_tokens: tokens }) => tokens === undefined)) return undefined
  return steps.reduce((sum, { probe_tokens: tokens = 0 }) => sum + tokens, 0)
}

/** Steps with the cumulative cost of their probes in either arm (`asked_tokens`), and the total; absent: the probes cost nothing. */
interface CostedSteps<S> {
  readonly asked_tokens?: number
  readonly steps: ReadonlyArray<S & { readonly asked_tokens?: number }>
}

/**
 * Adds to each step the cumulative cost of the probes up to it: the costs of the steps, or the total of the outcome in equal parts.
 * @param steps all steps that were asked, in order
 */
export function withProbeCosts<S extends object> (reported: ReportedCosts, steps: readonly S[]): CostedSteps<S> {
  const own = probeTokensOfSteps(reported)
  const total = own ?? reported.probe_tokens ?? 0
  if (total === 0) return { steps }
  let sum = 0
  return {
    asked_tokens: total,
    steps: steps.map((step, i) => {
      sum = own === undefined ? Math.round(total * (i + 1) / steps.length) : sum + (reported.steps?.[i]?.probe_tokens ?? 0)
      return { ...step, asked_tokens: sum }
    }),
  }
}

/** A stopped generation counts as treated whatever arm it reports. Without an arm, a low draw means control, and any other is unknown. */
export function armOf ({ stopped, arm, u }: Pick<LoggedOutcome, 'stopped' | 'arm' | 'u'>, share: number): Arm | null {
  if (stopped) return 'treated'
  return arm ?? (u < share ? 'control' : null)
}
