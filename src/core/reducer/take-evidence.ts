import { heldUntil } from '../certificate/breach.js'
import { logEvidence, reaches } from '../certificate/certificate.js'
import { loosestPassing } from '../certificate/certified-threshold.js'
import type { DifferenceSums } from '../certificate/difference-sums.js'
import { mergeEvidence, sumOfOpen } from '../certificate/evidence-sum.js'
import { type Evidence, thresholdsOf } from '../certificate/evidence.js'
import { testedBound } from '../certificate/judge-errors.js'
import { addNewest, type NewestUnits, windowOf } from '../certificate/newest-units.js'
import { addFinal, prefixesAt, unitsOfFirstCertificate, withOpen } from '../certificate/tested-evidence.js'
import { type ContextState, copyState } from '../contexts/context-state.js'
import { recoveryTerms } from '../contexts/evidence-checks.js'
import { scoreOfState } from '../contexts/score.js'
import { barOf } from '../contexts/scored-evidence.js'
import type { CohortRules, CohortScoring, OpenSlice } from '../enrolment/accounting.js'
import { countsWithin } from '../enrolment/evidence-span.js'
import { haveSameTerms, type Policy } from '../policy/policy.js'
import type { Fold } from './fold.js'
import { isTrainedOn, unitOfOutcome } from './units-of-outcome.js'

/** More final evidence: of all units, and of those that are tested. */
interface MoreEvidence { readonly shown: Evidence | null, readonly tested: DifferenceSums | null }

/** The evidence of a state with more. */
export function withEvidence (
  { evidence, tested: before }: Pick<ContextState, 'evidence' | 'tested'>, { shown, tested }: MoreEvidence
): Pick<ContextState, 'evidence' | 'tested'> {
  return { evidence: shown === null ? evidence : mergeEvidence(evidence, shown), tested: addFinal(before, tested) }
}

/** The newest units of a state with some more tested units. */
export function newestWith (
  { newest, certified, evidence }: ContextState, tested: DifferenceSums | null, policy: Policy
): NewestUnits {
  const next = certified + 1
  if (tested === null || next === thresholdsOf(evidence)) return newest
  const { a, logBar } = recoveryTerms(policy)
  return addNewest(newest, tested, next, windowOf(a, logBar))
}

/** Takes the evidence of every prefix. @param open the open slices */
export function takeEvidence (state: ContextState, open: readonly OpenSlice[], policy: Policy): ContextState {
  // During a hold the detector of drift does not watch, so a certificate lasts only as long as the evidence supports it.
  const isSticky = haveSameTerms(state.judged_by, policy) && heldUntil(state.hold) === null
  const a = testedBound(policy)
  const bar = barOf(state, policy)
  const { evidence, tested, threshold_index: inForce } = state
  const thresholds = thresholdsOf(evidence)
  const differences = open.map((slice) => slice.differences)
  const isCertified = (k: number) => prefixesAt(tested, differences, k).some((prefix) => reaches(a, prefix, bar))
  const certified = loosestPassing(isCertified, thresholds, isSticky ? state.certified : -1)
  const now = inForce === -1 ? null : Math.max(...prefixesAt(tested, differences, inForce).map((prefix) => logEvidence(a, prefix)))
  const log_evidence = now === null ? state.log_evidence : { best: Math.max(now, state.log_evidence?.best ?? now), now }
  return copyState(state, { open: sumOfOpen(open, thresholds), tested: withOpen(tested, differences), certified, log_evidence })
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
  #scoring: CohortScoring | null | undefined

  constructor (fold: Fold, state: ContextState, policy: Policy) {
    this.#fold = fold
    this.#state = state
    this.#policy = policy
  }

  get span () { return 1000 * this.#policy.evidence_span_seconds }
  get labelRate () { return this.#policy.label_rate }
  get followUp () { return 1000 * this.#policy.follow_up_seconds }
  get wait () { return this.#fold.times.wait }
  get scoring () {
    if (this.#scoring === undefined) this.#scoring = scoringOf(this.#fold, this.#state, this.#policy)
    return this.#scoring
  }

  worstUnit (id: string) {
    const pending = this.#fold.pending.get(id)
    if (pending === undefined || pending.outcome.steps === null) return null
    return unitOfOutcome(pending.outcome, pending.leaf, this.#policy, this.#state, this.#fold.predictors).unit
  }
}

/** `null` if the score is gone. */
function scoringOf ({ predictors }: Fold, state: ContextState, policy: Policy): CohortScoring | null {
  const score = scoreOfState(state, predictors)
  if (score === undefined) return null
  const span = 1000 * policy.evidence_span_seconds
  const rule = { units: unitsOfFirstCertificate(testedBound(policy), barOf(state, policy)), span }
  return {
    thresholds: score.grid.length,
    ...(score.predictor !== null && { isSetAside: (u: number) => isTrainedOn(score, u) }),
    ...(span !== 0 && { isTested: (unit) => countsWithin(state.tested.at, unit, rule) }),
  }
}
