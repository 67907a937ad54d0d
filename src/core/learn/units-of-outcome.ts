import { stopsOf, type Em, type Trace, type TraceStep } from '../certificate/stops.js'
import { unitOf, type Unit } from '../certificate/unit.js'
import { RAW } from '../enrolment/slice.js'
import type { LoggedOutcome, LoggedStep } from '../grading/outcome.js'
import type { ContextState } from '../judgement/context-state.js'
import { predictorOf } from '../judgement/trial.js'
import type { Policy } from '../policy/policy.js'
import { scorerFor, scoreStep, type Predictor, type Scorer } from '../predictor/predictor.js'
import type { LivePredictors } from '../predictor/predictor-version.js'

/** What a control sample shows about the thresholds of each scorer. */
export interface UnitsOfOutcome {
  /** By scorer: 0 for the raw confidence, else the ordinal of the trial. A predictor that was trained on the sample's group is absent. */
  readonly units: ReadonlyMap<number, Unit>
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
export type GradedRun = Pick<LoggedOutcome, 'tokens' | 'answer_tokens' | 'full' | 'answer_digest' | 'steps_complete' | 'asked_tokens' | 'u'> & {
  readonly steps: readonly LoggedStep[] | null
}

/** A predictor on trial, with its weights for the leaf. */
export interface TrialScorer { readonly ordinal: number, readonly scorer: Scorer }

/** The same for known scorers. @param policy of the context that gathers the evidence */
export function unitsBy (
  outcome: GradedRun, policy: Pick<Policy, 'label' | 'missing_labels' | 'min_tokens'>, trials: readonly TrialScorer[]): UnitsOfOutcome {
  const logged = outcome.steps ?? []
  const trace = traceOf(outcome, policy)
  const { em, steps } = trace
  const units = new Map([[RAW, unitOf(trace, stopsOf(trace, policy.min_tokens))]])
  for (const { ordinal, scorer } of trials) {
    const scored = steps.map((step, i) => ({ ...step, score: scoreStep(scorer, step.tokens, logged[i]!.confidence, logged[i]!.signals) }))
    units.set(ordinal, unitOf({ ...trace, steps: scored }, stopsOf({ ...trace, steps: scored }, policy.min_tokens, scorer.grid)))
  }
  const mayDiffer = () => policy.missing_labels === 'excluded' || [...units.values()].some(({ eighths }) => eighths.some((d) => d !== 0))
  return { units, em, isLabelWanted: em === null && policy.label === 'exact_match' && mayDiffer() }
}

/** A control sample as evidence sees it, scored by the raw confidence. */
export function traceOf (outcome: GradedRun, policy: Pick<Policy, 'label' | 'missing_labels'>): Trace {
  const { tokens, answer_tokens: answerTokens, steps_complete: isComplete, asked_tokens: probeTokens } = outcome
  const steps = (outcome.steps ?? []).map((step) => traceStepOf(step, outcome, policy))
  return { tokens, answerTokens, em: outcome.full[policy.label] ?? null, steps, isComplete, probeTokens }
}

/** A step with the grade of its probed answer, as far as it is known: an explicit verdict, else whether it is the final answer. */
function traceStepOf (
  step: LoggedStep, { answer_digest: final }: Pick<LoggedOutcome, 'answer_digest'>, { label, missing_labels }: Pick<Policy, 'label' | 'missing_labels'>
): TraceStep {
  const { tokens, confidence: score, asked_tokens: probeTokens, agreement, answer_digest: probed } = step
  const em = step[label]
  if (em !== undefined || label !== 'exact_match' || missing_labels !== 'lost') return { tokens, score, probeTokens, em }
  if (probed !== undefined && final !== undefined) return { tokens, score, probeTokens, agrees: probed === final }
  return { tokens, score, probeTokens, agrees: agreement === undefined ? undefined : agreement === 1 }
}
