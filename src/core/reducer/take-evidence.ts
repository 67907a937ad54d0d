import { heldUntil } from '../certificate/breach.js'
import { logEvidence, reaches } from '../certificate/certificate.js'
import { loosestPassing } from '../certificate/certified-threshold.js'
import type { DifferenceSums } from '../certificate/difference-sums.js'
import { mergeEvidence, sumOfOpen } from '../certificate/evidence-sum.js'
import { type Evidence, type EvidenceUnit, thresholdsOf } from '../certificate/evidence.js'
import { testedBound } from '../certificate/judge-errors.js'
import { addNewest, type NewestUnits, windowOf } from '../certificate/newest-units.js'
import { addFinal, prefixesAt, type TestedEvidence, unitsOfFirstCertificate, withOpen } from '../certificate/tested-evidence.js'
import { GRID } from '../certificate/thresholds.js'
import { barsOf } from '../contexts/candidate-scorer.js'
import { type ContextState, copyState, predictorOf } from '../contexts/context-state.js'
import { recoveryTerms } from '../contexts/evidence-checks.js'
import type { CohortRules, CohortScorer, OpenSlice } from '../enrolment/accounting.js'
import { countsWithin } from '../enrolment/evidence-span.js'
import { RAW } from '../enrolment/slice.js'
import { haveSameTerms, type Policy } from '../policy/policy.js'
import type { Fold } from './fold.js'
import { isTrainedOn, unitsOfOutcome } from './units-of-outcome.js'

/** A holder of evidence: the state of a context, or a trial in it. */
export type Gathering = Pick<ContextState, 'evidence' | 'open' | 'tested' | 'certified'>

/** The evidence of the raw confidence. */
export function gatheringOf ({ evidence, open, tested, certified }: ContextState): Gathering {
  return { evidence, open, tested, certified }
}

/** More final evidence of one scorer: of all units, and of those that are tested. */
interface MoreEvidence { readonly shown: Evidence | undefined, readonly tested: DifferenceSums | undefined }

export function withEvidence<G extends Gathering> (gathering: G, { shown, tested }: MoreEvidence): G {
  const evidence = shown === undefined ? gathering.evidence : mergeEvidence(gathering.evidence, shown)
  return { ...gathering, evidence, tested: addFinal(gathering.tested, tested) }
}

/** The newest units of a state with some more tested units of the raw confidence. */
export function newestWith ({ newest, certified }: ContextState, tested: DifferenceSums | undefined, policy: Policy): NewestUnits {
  const next = certified + 1
  if (tested === undefined || next === GRID.length) return newest
  const { a, logBar } = recoveryTerms(policy)
  return addNewest(newest, tested, next, windowOf(a, logBar))
}

/** Takes the evidence of every prefix, for every scorer. @param openOf the open slices for a scorer */
export function takeEvidence (
  fold: Fold, state: ContextState, openOf: (scorer: CohortScorer) => OpenSlice[], { scorers }: Pick<CohortRules, 'scorers'>, policy: Policy
): ContextState {
  // During a hold the detector of drift does not watch, so a certificate lasts only as long as the evidence supports it.
  const isSticky = haveSameTerms(state.judged_by, policy) && heldUntil(state.hold) === null
  const a = testedBound(policy)
  let best: number | null = null
  const look = <G extends Gathering>(gathering: G, scorer: number, bar: number, isServing: boolean): G => {
    const gathers = scorers.find((one) => one.scorer === scorer)
    const open = gathers === undefined ? [] : openOf(gathers)
    const { evidence, tested } = gathering
    const thresholds = thresholdsOf(evidence)
    const differences = open.map((slice) => slice.differences)
    const isCertified = (k: number) => prefixesAt(tested, differences, k).some((prefix) => reaches(a, prefix, bar))
    const certified = loosestPassing(isCertified, thresholds, isSticky ? gathering.certified : -1)
    if (isServing) best = Math.max(...prefixesAt(tested, differences, state.threshold_index).map((prefix) => logEvidence(a, prefix)))
    return { ...gathering, open: sumOfOpen(open, thresholds), tested: withOpen(tested, differences), certified }
  }
  const isServing = (scorer: string | null) => state.threshold_index !== -1 && state.serving === scorer
  const bars = barsOf(state, policy, fold.predictors)
  const raw = look(gatheringOf(state), RAW, bars.get(null)!, isServing(null))
  const trials = state.trials.map((trial) => {
    const bar = bars.get(trial.predictor)
    return bar === undefined ? trial : look(trial, trial.ordinal, bar, isServing(trial.predictor))
  })
  const now = best as number | null
  const log_evidence = now === null ? state.log_evidence : { best: Math.max(now, state.log_evidence?.best ?? now), now }
  return copyState(state, { open: raw.open, tested: raw.tested, certified: raw.certified, trials, log_evidence })
}

/** The rules by which a context's cohort is followed up. */
export function cohortRules (fold: Fold, state: ContextState, policy: Policy): CohortRules {
  return new RulesOfState(fold, state, policy)
}

/** Most outcomes need few of the rules, so each is made when it is asked for. */
class RulesOfState implements CohortRules {
  readonly #fold: Fold
  readonly #state: ContextState
  readonly #policy: Policy
  #scorers: readonly CohortScorer[] | null = null

  constructor (fold: Fold, state: ContextState, policy: Policy) {
    this.#fold = fold
    this.#state = state
    this.#policy = policy
  }

  get span () { return 1000 * this.#policy.evidence_span_seconds }
  get labelRate () { return this.#policy.label_rate }
  get followUp () { return 1000 * this.#policy.follow_up_seconds }
  get wait () { return this.#fold.times.wait }
  get scorers () {
    this.#scorers ??= cohortScorers(this.#fold, this.#state, this.#policy)
    return this.#scorers
  }

  worstUnits (id: string) {
    const pending = this.#fold.pending.get(id)
    if (pending === undefined || pending.outcome.steps === null) return new Map<number, EvidenceUnit>()
    return unitsOfOutcome(pending.outcome, pending.leaf, this.#policy, this.#state, this.#fold.predictors).units
  }
}

function cohortScorers ({ predictors }: Fold, state: ContextState, policy: Policy): readonly CohortScorer[] {
  const bars = barsOf(state, policy, predictors)
  const span = 1000 * policy.evidence_span_seconds
  const spread = ({ at }: TestedEvidence, scorer: string | null): Pick<CohortScorer, 'isTested'> => {
    const rule = { units: unitsOfFirstCertificate(testedBound(policy), bars.get(scorer)!), span }
    return span === 0 ? {} : { isTested: (unit) => countsWithin(at, unit, rule) }
  }
  const scorers: CohortScorer[] = [{ scorer: RAW, thresholds: GRID.length, since: 0, ...spread(state.tested, null) }]
  if (policy.predictor === 'off') return scorers
  for (const trial of state.trials) {
    const predictor = predictorOf(trial, predictors)
    if (predictor === undefined) continue
    scorers.push({
      scorer: trial.ordinal,
      thresholds: predictor.grid.length,
      since: trial.since,
      isSetAside: (u) => isTrainedOn(predictor, u),
      ...spread(trial.tested, trial.predictor),
    })
  }
  return scorers
}
