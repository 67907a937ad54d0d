import type { ContextState } from './context-state.js'
import { type Score, scoreOfEpoch, scorerOf } from '../scores/score.js'
import { type Policy, TOKENS } from '../policy/policy.js'
import type { LivePredictors } from '../scores/predictor-version.js'
import type { Predictor } from '../scores/predictor.js'
import { type EvidenceUnit, evidenceUnitOf } from '../stats/evidence.js'
import type { Em } from '../decide/step.js'
import type { LoggedOutcome, LoggedStep } from '../outcome/outcome.js'
import { type JudgePolicy, withAuditedGains } from '../stats/judge-errors.js'
import { gridOf, type ScoredBy, scoreOf } from '../decide/scorer.js'
import { stopsOf, type Trace, type TraceStep } from '../stats/trace.js'
import { digestsAgree } from '../outcome/exact-match.js'

const groups = new WeakMap<Predictor, ReadonlySet<number>>()

/** Whether a score was trained on a generation's group, and so may not be certified by it (law 7). */
export function isTrainedOn ({ predictor }: Score, u: number): boolean {
  if (predictor === null) return false
  let known = groups.get(predictor)
  if (known === undefined) groups.set(predictor, known = new Set(predictor.trained.groups))
  return known.has(u)
}

/**
 * The unit of a control sample with complete steps, and whether it needs a label (rule E6).
 * @param outcome may have been pruned to the steps at which some threshold is crossed
 * @param leaf key of its context, which selects the weights of a predictor
 */
export function unitOfOutcome (
  outcome: GradedRun, leaf: string, policy: Policy, state: ContextState, predictors: LivePredictors): UnitOfOutcome {
  const score = scoreOfEpoch(state.epoch, predictors)
  const isEvidence = score !== undefined && !isTrainedOn(score, outcome.u)
  if (!isEvidence) return { unit: null, em: outcome.full[policy.label] ?? null, isLabelWanted: false }
  return unitBy(outcome, policy, scorerOf(score, leaf))
}

/** The unit of evidence that a control sample is. */
export interface UnitOfOutcome {
  /** `null`: its score is gone, or was trained on the sample's group. */
  readonly unit: EvidenceUnit | null
  /** EM of the full run; `null`: not known, and the unit is the worst case. */
  readonly em: Em | null
  /** Whether a label could change it. */
  readonly isLabelWanted: boolean
}

/** A graded outcome of a full run. */
export type GradedRun = Pick<LoggedOutcome, 'tokens' | 'answer_tokens' | 'full' | 'answer_digest' | 'steps_complete' | 'asked_tokens' | 'u' | 'no_label'> & {
  readonly steps: readonly LoggedStep[] | null
}

/** The fields of a policy that decide about the differences of a unit. */
type UnitPolicy = Pick<Policy, 'label' | 'min_tokens'> & JudgePolicy

/**
 * The same for a known score.
 * @param policy of the context that gathers the evidence
 */
export function unitBy (outcome: GradedRun, policy: UnitPolicy, scorer: ScoredBy): UnitOfOutcome & { readonly unit: EvidenceUnit } {
  const logged = outcome.steps ?? []
  const raw = traceOf(outcome, policy)
  const { em } = raw
  const scored = scorer === null ? raw : { ...raw, steps: raw.steps.map((step, i) => ({ ...step, score: scoreOf(scorer, logged[i]!) })) }
  const trace = scorer === TOKENS ? withoutProbes(scored) : scored
  const unit = evidenceUnitOf(trace, stopsOf(trace, policy.min_tokens, gridOf(scorer)))
  const isLabelWanted = em === null && policy.label === 'exact_match' && outcome.no_label !== true && unit.eighths.some((d) => d !== 0)
  return { unit: withAuditedGains(unit, policy, outcome.u), em, isLabelWanted }
}

/** The trace of a run whose probes only control generations make: nothing is probed on the way to a budget. */
function withoutProbes ({ probeTokens: _, ...trace }: Trace): Trace {
  return { ...trace, steps: trace.steps.map(({ probeTokens: _, ...step }) => step) }
}

/** A control sample as evidence sees it, scored by the raw confidence. */
export function traceOf (outcome: GradedRun, policy: Pick<Policy, 'label'>): Trace {
  const { tokens, answer_tokens: answerTokens, steps_complete: isComplete, asked_tokens: probeTokens } = outcome
  const steps = (outcome.steps ?? []).map((step) => traceStepOf(step, outcome, policy))
  return { tokens, answerTokens, em: outcome.full[policy.label] ?? null, steps, isComplete, probeTokens }
}

/** A step with the grade of its probed answer, if known: an explicit verdict, otherwise whether it is the final answer. */
function traceStepOf (
  step: LoggedStep, { answer_digest: final }: Pick<LoggedOutcome, 'answer_digest'>, { label }: Pick<Policy, 'label'>
): TraceStep {
  const { tokens, asked_tokens: probeTokens, agreement, answer_digest: probed, difference } = step
  const em = step[label]
  const score = scoreOf(null, step)
  if (difference !== undefined && label === 'exact_match') return { tokens, score, probeTokens, em, difference }
  if (em !== undefined || label !== 'exact_match') return { tokens, score, probeTokens, em }
  if (probed !== undefined && final !== undefined) return { tokens, score, probeTokens, agrees: digestsAgree(probed, final) }
  return { tokens, score, probeTokens, agrees: agreement === undefined ? undefined : agreement === 1 }
}
