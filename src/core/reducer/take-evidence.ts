import {
  addFinal, type Beginnings, logMixture, type Moment, openByBeginning, passes, prefixesAt, restart,
  unitsOfFirstCertificate, type WeightedDifferences, withOpen,
} from '../certificate/beginnings.js'
import { heldUntil } from '../certificate/breach.js'
import { loosestPassing } from '../certificate/certified-threshold.js'
import type { DifferenceSums } from '../certificate/difference-sums.js'
import { mergeEvidence, sumOfOpen } from '../certificate/evidence-sum.js'
import { type Evidence, type EvidenceUnit, thresholdsOf } from '../certificate/evidence.js'
import { testedBound } from '../certificate/judge-errors.js'
import { GRID } from '../certificate/thresholds.js'
import { barsOf } from '../contexts/candidate-scorer.js'
import { type ContextState, copyState, predictorOf } from '../contexts/context-state.js'
import type { CohortRules, CohortScorer, OpenSlice } from '../enrolment/accounting.js'
import { newestBeginning } from '../enrolment/evidence-span.js'
import { RAW } from '../enrolment/slice.js'
import { haveSameTerms, type Policy } from '../policy/policy.js'
import type { Fold } from './fold.js'
import { isTrainedOn, unitsOfOutcome } from './units-of-outcome.js'

/** A holder of evidence: the state of a context, or a trial in it. */
export type Gathering = Pick<ContextState, 'evidence' | 'open' | 'beginnings' | 'certified'>

/** The evidence of the raw confidence. */
export function gatheringOf ({ evidence, open, beginnings, certified }: ContextState): Gathering {
  return { evidence, open, beginnings, certified }
}

/** More evidence of one scorer: of all units, and the differences by the newest beginning that their units belong to. */
interface MoreEvidence { readonly shown: Evidence | undefined, readonly tested: ReadonlyMap<number, DifferenceSums> }

export function withEvidence<G extends Gathering> (gathering: G, { shown, tested }: MoreEvidence): G {
  const beginnings = addFinal(gathering.beginnings, tested, shown)
  return { ...gathering, beginnings, ...(shown !== undefined && { evidence: mergeEvidence(gathering.evidence, shown) }) }
}

/**
 * Begins evidence again with a slice, for the thresholds of every scorer whose evidence was spoilt and that lose little now.
 * @param mayBegin called once, if any does
 */
export function withRestarts (
  state: ContextState, slice: number, moment: Moment, policy: Policy, mayBegin: () => boolean): ContextState {
  const a = testedBound(policy)
  const beginnings = restart(state.beginnings, slice, moment, a)
  const trials = state.trials.map((trial) => {
    const restarted = trial.since > slice ? trial.beginnings : restart(trial.beginnings, slice, moment, a)
    return restarted === trial.beginnings ? trial : { ...trial, beginnings: restarted }
  })
  const isSame = beginnings === state.beginnings && trials.every((trial, i) => trial === state.trials[i])
  return isSame || !mayBegin() ? state : copyState(state, { beginnings, trials })
}

/** Takes the evidence of every prefix, for every scorer. @param openOf the open slices for a scorer */
export function takeEvidence (
  fold: Fold, state: ContextState, openOf: (scorer: CohortScorer) => OpenSlice[], { scorers }: Pick<CohortRules, 'scorers'>, policy: Policy
): ContextState {
  // During a hold the detector of drift does not watch, so a certificate lasts only as long as the evidence supports it.
  const isSticky = haveSameTerms(state.judged_by, policy) && heldUntil(state.hold) === null
  const a = testedBound(policy)
  const logEvidenceOf = (prefix: WeightedDifferences) => logMixture(a, prefix)
  let best: number | null = null
  const look = <G extends Gathering>(gathering: G, scorer: number, bar: number, isServing: boolean): G => {
    const gathers = scorers.find((one) => one.scorer === scorer)
    const open = gathers === undefined ? [] : openOf(gathers)
    const { evidence, beginnings } = gathering
    const thresholds = thresholdsOf(evidence)
    const byBeginning = openByBeginning(beginnings, open.map(({ differences }) => differences))
    const prefixes = (k: number) => prefixesAt(beginnings, byBeginning, k)
    const isCertified = (k: number) => prefixes(k).some((prefix) => passes(a, prefix, bar))
    const certified = loosestPassing(isCertified, thresholds, isSticky ? gathering.certified : -1)
    if (isServing) best = Math.max(...prefixes(state.threshold_index).map(logEvidenceOf))
    return { ...gathering, open: sumOfOpen(open, thresholds), beginnings: withOpen(beginnings, byBeginning), certified }
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
  return copyState(state, { open: raw.open, beginnings: raw.beginnings, certified: raw.certified, trials, log_evidence })
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
  const membership = (beginnings: Beginnings, scorer: string | null): Pick<CohortScorer, 'newestBeginning' | 'only'> => {
    const rule = { units: unitsOfFirstCertificate(testedBound(policy), bars.get(scorer)!), span }
    const isWhole = span === 0 && beginnings.list.length === 1
    return { newestBeginning: (unit) => newestBeginning(beginnings, unit, rule), ...(isWhole && { only: beginnings.list[0]!.slice }) }
  }
  const scorers: CohortScorer[] = [{ scorer: RAW, thresholds: GRID.length, since: 0, ...membership(state.beginnings, null) }]
  if (policy.predictor === 'off') return scorers
  for (const trial of state.trials) {
    const predictor = predictorOf(trial, predictors)
    if (predictor === undefined) continue
    scorers.push({
      scorer: trial.ordinal,
      thresholds: predictor.grid.length,
      since: trial.since,
      isSetAside: (u) => isTrainedOn(predictor, u),
      ...membership(trial.beginnings, trial.predictor),
    })
  }
  return scorers
}
