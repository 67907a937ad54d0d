import { EIGHTHS } from '../certificate/certificate.js'
import { GRID } from '../certificate/thresholds.js'
import { type Em, stopsOf } from '../certificate/trace.js'
import type { Step } from '../decide/decide.js'
import type { ContextRule } from '../decide/snapshot.js'
import { answerDigest, digestsAgree, type Normalise } from '../outcome/exact-match.js'
import type { LoggedStep, ReportedOutcome } from '../outcome/outcome.js'
import { rewardGrader } from '../outcome/reward.js'
import { type Cadence, nextCheckTokens } from '../policy/policy.js'
import { scoreStep } from '../predictor/predictor.js'

/** The record of a step until the outcome arrives: everything that can be graded then, but no text of an answer. */
export interface RecordedStep {
  readonly tokens: number
  readonly confidence: number | null
  readonly em?: Em
  readonly answer_digest?: string
  readonly signals?: Readonly<Record<string, number>>
}

/** The fields of a step from which a recorded step is made. */
export type RecordedFields = Pick<Step, 'tokens' | 'confidence' | 'em' | 'answer' | 'signals'>

/**
 * Sorts steps by tokens and merges those with equal tokens, so that a step asked again gains its probe. Where repeats contradict each other
 * the worse value holds (the higher confidence, the wrong answer; of two different answers neither), so that the order in which replicas
 * wrote them does not matter.
 */
export function mergeSteps (recorded: readonly RecordedStep[]): RecordedStep[] {
  const byTokens = new Map<number, RecordedStep[]>()
  for (const step of recorded) {
    const same = byTokens.get(step.tokens)
    if (same === undefined) byTokens.set(step.tokens, [step]); else same.push(step)
  }
  return [...byTokens.values()].map((same) => same.length === 1 ? same[0]! : mergeOne(same)).sort((a, b) => a.tokens - b.tokens)
}

function mergeOne (same: readonly RecordedStep[]): RecordedStep {
  const confidences = same.flatMap(({ confidence }) => confidence ?? [])
  const ems = same.flatMap(({ em }) => em ?? [])
  const [digest, another] = new Set(same.flatMap(({ answer_digest: digest }) => digest ?? []))
  const signals = same.findLast((step) => step.signals)?.signals
  return {
    tokens: same[0]!.tokens,
    confidence: confidences.length === 0 ? null : Math.max(...confidences),
    ...(ems.length > 0 && { em: Math.min(...ems) as Em }),
    ...(digest !== undefined && another === undefined && { answer_digest: digest }),
    ...(signals && { signals }),
  }
}

interface Finished { readonly tokens: number, readonly steps_asked?: number }

/**
 * Whether a record holds every step that was asked. The worker's count decides where it is given. Otherwise the cadence does: there must be
 * exactly one step in each check interval until the generation's end, so that a lost step leaves a gap. A step at the very end may be
 * missing, since it could save nothing. Steps that cannot stop (unknown confidence, or before `min_tokens`) may come in between.
 * @param steps merged, in order of tokens
 */
export function isRecordComplete (cadence: Cadence, outcome: Finished, steps: readonly RecordedStep[]): boolean {
  const { tokens, steps_asked: asked } = outcome
  const last = steps.at(-1)
  if (last !== undefined && last.tokens > tokens) return false // a step of another generation
  if (asked !== undefined) return steps.length === asked

  let due = nextCheckTokens(cadence, 0)
  for (const step of steps) {
    if (step.tokens >= due + cadence.checkEveryTokens) return false
    if (step.tokens >= due) due = nextCheckTokens(cadence, step.tokens)
    else if (step.confidence !== null && step.tokens >= cadence.minTokens) return false // the worker does not follow the cadence
  }
  return tokens <= due
}

/**
 * Whether the steps that came with an outcome are all that the worker asked: as many as it counted, and all that were recorded with a
 * confidence. A step that is left out may be one at which some threshold stops.
 */
export function holdsEveryStep (
  sent: ReadonlyArray<Pick<RecordedStep, 'tokens'>>, { steps_asked: asked = 0 }: Pick<Finished, 'steps_asked'>, recorded: readonly RecordedStep[]
): boolean {
  const held = new Set(sent.map(({ tokens }) => tokens))
  return held.size >= asked && recorded.every(({ tokens, confidence }) => confidence === null || held.has(tokens))
}

/** Whether every threshold of every scorer stops at a step with a probe. If not, a probe was lost or never made. */
export function isRecordProbed (
  { minTokens, trials }: Pick<ContextRule, 'minTokens' | 'trials'>, { tokens }: Finished, steps: readonly RecordedStep[]): boolean {
  const isProbed = (grid: readonly number[], scoreOf: (step: RecordedStep) => number | null) => {
    const probed = steps.map((step) => ({
      tokens: step.tokens, score: scoreOf(step), em: step.em ?? (step.answer_digest === undefined ? undefined : 1 as const),
    }))
    const stops = stopsOf({ tokens, answerTokens: 0, em: 1, steps: probed, isComplete: true }, minTokens, grid)
    return !stops.some(({ isUnprobed }) => isUnprobed)
  }
  return isProbed(GRID, ({ confidence }) => confidence) &&
    trials.every((scorer) => isProbed(scorer.grid, (step) => scoreStep(scorer, step.tokens, step.confidence, step.signals)))
}

type Writable<T> = { -readonly [F in keyof T]: T[F] }

/**
 * Grades recorded steps as if the worker had sent them with its outcome. Exact Match is the step's `em`, or its answer against the
 * `reference`; agreement compares its answer with the final one. Answers are compared by their digests.
 * @param salt the store's, for the digests
 */
export function joinRecord (
  salt: string, outcome: ReportedOutcome, steps: readonly RecordedStep[], normalise?: Normalise
): LoggedStep[] {
  const { generation_id: id, em: fullEm, reward, reference, answer } = outcome
  const rewards = reward === undefined ? undefined : rewardGrader(`${salt}:${id}`, reward)
  const right = reference === undefined ? undefined : new Set([reference].flat().map((text) => answerDigest(salt, text, normalise)))
  const full = answer === undefined ? undefined : answerDigest(salt, answer, normalise)
  const mayLabelCome = fullEm === undefined && reward === undefined && reference === undefined
  return steps.map(({ tokens, confidence, em, answer_digest: digest, signals }) => {
    const step: Writable<LoggedStep> = { tokens, confidence, ...(signals && { signals }) }
    const agreement = digest === undefined || full === undefined ? undefined : matches(digestsAgree(digest, full))
    if (rewards !== undefined) { // a recorded EM is no reward, and can't be compared with one
      if (agreement !== undefined) {
        const own = agreement * reward!
        Object.assign(step, { exact_match: rewards.em(own), difference: rewards.eighthsLost(own) / EIGHTHS })
      }
    } else if (em !== undefined) step.exact_match = em
    else if (digest !== undefined && right !== undefined) step.exact_match = matches(right.has(digest))
    else if (digest !== undefined && mayLabelCome) step.answer_digest = digest
    if (agreement !== undefined) step.agreement = agreement
    return step
  })
}

const matches = (isMatch: boolean): Em => isMatch ? 1 : 0
