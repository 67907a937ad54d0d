import { type EvidenceUnit, evidenceUnitOf } from '../certificate/evidence.js'
import { type JudgePolicy, withAuditedGains } from '../certificate/judge-errors.js'
import { type Em, keepTrace, stopsOf, type Trace, type TraceStep } from '../certificate/trace.js'
import { type ContextState, predictorOf } from '../contexts/context-state.js'
import { RAW } from '../enrolment/slice.js'
import { digestsAgree } from '../outcome/exact-match.js'
import type { LoggedOutcome, LoggedStep } from '../outcome/outcome.js'
import type { Policy } from '../policy/policy.js'
import type { LivePredictors } from '../predictor/predictor-version.js'
import { type Predictor, type Scorer, scorerFor, scoreStep } from '../predictor/predictor.js'
import { sampleOf } from '../predictor/sample.js'
import { MAX_TRACE_STEPS, type PrunedOutcome, traceSlot } from './pending-outcomes.js'
import type { Fold } from './fold.js'

/** The units that a control sample yields for the thresholds of each scorer. */
interface UnitsOfOutcome {
  /** By scorer: 0 for the raw confidence, otherwise the ordinal of the trial. Predictors trained on the sample's group are absent. */
  readonly units: ReadonlyMap<number, EvidenceUnit>
  /** EM of the full run; `null`: not known, and the units are the worst case. */
  readonly em: Em | null
  /** Whether a label could change any of them. */
  readonly isLabelWanted: boolean
}

const groups = new WeakMap<Predictor, ReadonlySet<number>>()

/** Whether a predictor was trained on a generation's group, and so may not be certified by it. */
export function isTrainedOn (predictor: Predictor, u: number): boolean {
  let known = groups.get(predictor)
  if (known === undefined) groups.set(predictor, known = new Set(predictor.trained.groups))
  return known.has(u)
}

/**
 * The units of a control sample with complete steps.
 * @param outcome may have been pruned to the steps at which some threshold is crossed
 * @param leaf key of its context, which selects the weights of a predictor
 */
export function unitsOfOutcome (
  outcome: GradedRun, leaf: string, policy: Policy, state: ContextState, predictors: LivePredictors): UnitsOfOutcome {
  const trials = state.trials.flatMap((trial): TrialScorer[] => {
    const predictor = predictorOf(trial, predictors)
    if (predictor === undefined || isTrainedOn(predictor, outcome.u)) return []
    return [{ ordinal: trial.ordinal, scorer: scorerFor(predictor, leaf) }]
  })
  return unitsBy(outcome, policy, trials)
}

/** A graded outcome of a full run. */
type GradedRun = Pick<LoggedOutcome, 'tokens' | 'answer_tokens' | 'full' | 'answer_digest' | 'steps_complete' | 'asked_tokens' | 'u' | 'no_label'> & {
  readonly steps: readonly LoggedStep[] | null
}

/** A predictor on trial, with its weights for the leaf. */
interface TrialScorer { readonly ordinal: number, readonly scorer: Scorer }

/** The fields of a policy that decide about the differences of a unit. */
type UnitPolicy = Pick<Policy, 'label' | 'min_tokens'> & JudgePolicy

/** The same for known scorers. @param policy of the context that gathers the evidence */
export function unitsBy (outcome: GradedRun, policy: UnitPolicy, trials: readonly TrialScorer[]): UnitsOfOutcome {
  const logged = outcome.steps ?? []
  const trace = traceOf(outcome, policy)
  const { em, steps } = trace
  const units = new Map([[RAW, evidenceUnitOf(trace, stopsOf(trace, policy.min_tokens))]])
  for (const { ordinal, scorer } of trials) {
    const scored = steps.map((step, i) => ({ ...step, score: scoreStep(scorer, step.tokens, logged[i]!.confidence, logged[i]!.signals) }))
    units.set(ordinal, evidenceUnitOf({ ...trace, steps: scored }, stopsOf({ ...trace, steps: scored }, policy.min_tokens, scorer.grid)))
  }
  const mayDiffer = () => [...units.values()].some(({ eighths }) => eighths.some((d) => d !== 0))
  const isLabelWanted = em === null && policy.label === 'exact_match' && outcome.no_label !== true && mayDiffer()
  for (const [number, unit] of units) units.set(number, withAuditedGains(unit, policy, outcome.u))
  return { units, em, isLabelWanted }
}

/** A control sample as evidence sees it, scored by the raw confidence. */
function traceOf (outcome: GradedRun, policy: Pick<Policy, 'label'>): Trace {
  const { tokens, answer_tokens: answerTokens, steps_complete: isComplete, asked_tokens: probeTokens } = outcome
  const steps = (outcome.steps ?? []).map((step) => traceStepOf(step, outcome, policy))
  return { tokens, answerTokens, em: outcome.full[policy.label] ?? null, steps, isComplete, probeTokens }
}

/** A step with the grade of its probed answer, if known: an explicit verdict, otherwise whether it is the final answer. */
function traceStepOf (
  step: LoggedStep, { answer_digest: final }: Pick<LoggedOutcome, 'answer_digest'>, { label }: Pick<Policy, 'label'>
): TraceStep {
  const { tokens, confidence: score, asked_tokens: probeTokens, agreement, answer_digest: probed, difference } = step
  const em = step[label]
  if (difference !== undefined && label === 'exact_match') return { tokens, score, probeTokens, em, difference }
  if (em !== undefined || label !== 'exact_match') return { tokens, score, probeTokens, em }
  if (probed !== undefined && final !== undefined) return { tokens, score, probeTokens, agrees: digestsAgree(probed, final) }
  return { tokens, score, probeTokens, agrees: agreement === undefined ? undefined : agreement === 1 }
}

/** Adds a control outcome whose label is known to the samples that predictors learn from. */
export function applySample (fold: Fold, outcome: PrunedOutcome, leaf: string, policy: Policy): void {
  if (policy.predictor !== 'auto') return
  const sample = sampleOf(outcome, leaf, policy.label)
  if (sample !== null) fold.reservoir.add(sample)
}

/**
 * Keeps all steps of some control outcomes, so that what-if can say what another cadence would have shown.
 * @param policy of the context that gathers the evidence
 */
export function applyTrace (fold: Fold, outcome: PrunedOutcome, key: string, state: ContextState, policy: Policy): void {
  if (outcome.asked !== undefined) return // some of its steps were pruned
  const slot = slotFor(fold, outcome, state)
  if (slot !== null) fold.traces.set(`${key} ${slot}`, keepTrace(state.epoch_name, traceOf(outcome, policy)))
}

/** Whether an outcome must keep all its steps while it awaits its label. */
export function isTraceKept (fold: Fold, outcome: PrunedOutcome, state: ContextState): boolean {
  return slotFor(fold, outcome, state) !== null
}

function slotFor ({ ledger }: Fold, { generation_id: id, steps }: PrunedOutcome, { follow_up: { reported } }: ContextState): number | null {
  return steps === null || steps.length > MAX_TRACE_STEPS ? null : traceSlot(id, reported, ledger.contexts)
}
