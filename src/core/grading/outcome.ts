import { answerDigest } from './answer-digest.js'
import { uniform, type Arm } from '../assignment/arm.js'
import type { Context } from '../policy/context.js'
import type { Em } from '../certificate/evidence.js'
import { exactMatcher, rememberingNormaliser, type Normalise } from './exact-match.js'
import type { Label } from '../policy/policy.js'

/** Right or wrong under each label that could be judged. */
export type Judged = { readonly [L in Label]?: Em }

export interface LoggedStep extends Judged {
  readonly tokens: number
  readonly confidence: number | null
  readonly signals?: Readonly<Record<string, number>>
  /** Of the answer probed here, by which a late label grades it; only where the outcome came with neither `em` nor `reference`. */
  readonly answer_digest?: string
}

/** A finished generation as it stands in the log: graded, without the text of any answer. */
export interface LoggedOutcome {
  readonly type: 'outcome'
  readonly generation_id: string
  /** Where it falls in [0, 1); control iff below the share. */
  readonly u: number
  readonly arm: Arm | null
  readonly context: Context
  readonly tokens: number
  readonly answer_tokens: number
  readonly stopped: boolean
  /** `null` without a group; `-1` with a group but no index. */
  readonly sample_index: number | null
  readonly full: Judged
  /** Of the final answer, as each step's. */
  readonly answer_digest?: string
  /** `null`: the worker kept none. */
  readonly steps: readonly LoggedStep[] | null
  readonly steps_complete: boolean
  /** Name of the token that reported it; absent: there were none. */
  readonly by?: string
}

interface Answered { readonly em?: Em | undefined, readonly answer?: string | undefined }

/** An outcome as a worker reports it (`POST /v1/outcomes`). */
export interface ReportedOutcome extends Answered {
  readonly generation_id: string
  readonly group_id?: string
  readonly sample_index?: number
  readonly arm?: Arm
  readonly context?: Context
  readonly tokens: number
  readonly answer_tokens?: number
  readonly reference?: string | readonly string[]
  readonly stopped?: boolean
  readonly steps?: ReadonlyArray<Answered & {
    readonly tokens: number
    readonly confidence: number | null
    readonly signals?: Readonly<Record<string, number>>
  }>
  readonly steps_complete?: boolean
  /** At how many counts of tokens a decision was asked, of a worker that kept no steps. */
  readonly steps_asked?: number
}

interface Graded extends Judged { readonly answer_digest?: string }

/** Grades the final answer and the probed ones alike; what a label that comes later could still grade keeps its digest. */
function graderOf (
  salt: string, { em: fullEm, reference, answer: fullAnswer }: ReportedOutcome, normalise: Normalise
): (answered: Answered) => Graded {
  const mayLabelCome = fullEm === undefined && reference === undefined
  const isRight = reference === undefined ? undefined : exactMatcher(reference, normalise)
  const agrees = fullAnswer === undefined ? undefined : exactMatcher(fullAnswer, normalise)
  return ({ em, answer }) => {
    const judged: { -readonly [F in keyof Graded]?: Graded[F] } = {}
    if (em !== undefined) judged.exact_match = em
    else if (answer !== undefined && isRight !== undefined) judged.exact_match = isRight(answer)
    else if (answer !== undefined && mayLabelCome) judged.answer_digest = answerDigest(salt, answer, normalise)
    if (answer !== undefined && agrees !== undefined) judged.agreement = agrees(answer)
    return judged
  }
}

/**
 * Grades an outcome for the log. Exact Match is the worker's `em`, else `answer` against `reference`; agreement takes the
 * full answer as right and a probe as right if it agrees with it.
 * @param salt the store's, for the arm's draw and the digests
 * @param normalise remembers the answers, which of one generation are mostly the same
 */
export function gradeOutcome (salt: string, outcome: ReportedOutcome, normalise: Normalise = rememberingNormaliser()): LoggedOutcome {
  const { group_id: group } = outcome
  const grade = graderOf(salt, outcome, normalise)
  const { answer_digest: digest, ...full } = grade(outcome)
  return {
    type: 'outcome',
    generation_id: outcome.generation_id,
    u: uniform(salt, group ?? outcome.generation_id),
    arm: outcome.arm ?? null,
    context: outcome.context ?? {},
    tokens: outcome.tokens,
    answer_tokens: outcome.answer_tokens ?? 0,
    stopped: outcome.stopped ?? false,
    sample_index: group === undefined ? null : outcome.sample_index ?? -1,
    full,
    ...(digest !== undefined && { answer_digest: digest }),
    steps: outcome.steps?.map(({ tokens, confidence, signals, ...answered }) => ({
      tokens, confidence: clampConfidence(confidence), ...(signals && { signals }), ...grade(answered),
    })) ?? null,
    steps_complete: outcome.steps_complete ?? true,
  }
}

/** All that grading an outcome normalises: it takes as long as these are. */
export function textsOf ({ answer = '', reference = [], steps = [] }: ReportedOutcome): string[] {
  return [answer, ...[reference].flat(), ...steps.map((step) => step.answer ?? '')]
}

/** float32 workers overshoot [0, 1] by up to 1e-6, which the schemas let pass. */
export function clampConfidence (confidence: number | null): number | null {
  return confidence === null ? null : Math.min(1, Math.max(0, confidence))
}

/** What a schema can't say about an outcome: the path and the remedy, or `null`. */
export function outcomeProblem (outcome: ReportedOutcome): { path: string, message: string } | null {
  if (outcome.arm === 'control' && outcome.stopped === true) {
    return { path: '/stopped', message: 'a control generation is never stopped: send stopped false, or arm "treated"' }
  }
  const { steps = [], tokens } = outcome
  for (let i = 0; i < steps.length; i++) {
    if (i > 0 && steps[i]!.tokens < steps[i - 1]!.tokens) {
      return { path: `/steps/${i}/tokens`, message: 'steps must be in the order they were asked: tokens may not fall' }
    }
    if (steps[i]!.tokens > tokens) {
      return { path: `/steps/${i}/tokens`, message: `a step can't have more tokens than the whole generation (${tokens})` }
    }
  }
  return null
}
