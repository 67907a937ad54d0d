import { CONTROL_FLOOR } from '../assignment/arm.js'
import { DRIFT_SUSPECTED, suspicion } from '../certificate/drift.js'
import { unitsOfFirstCertificate } from '../certificate/tested-evidence.js'
import { testedBound } from '../certificate/judge-errors.js'
import { BREACH_SUSPECTED, heldUntil } from '../certificate/breach.js'
import { fidelitySuspicion } from '../certificate/fidelity.js'
import { cadenceOfTreated } from '../contexts/cadences.js'
import { barOf, isLearningWorthwhile } from '../contexts/scored-evidence.js'
import { isGraderBroken } from '../contexts/grader.js'
import { type ProbeBudget, probeBudget } from '../contexts/probe-budget.js'
import type { Policy } from '../policy/policy.js'
import { type ContextState, copyState } from '../contexts/context-state.js'
import type { EffectiveThreshold } from '../contexts/effective-threshold.js'
import { widestUsefulShare } from '../enrolment/evidence-span.js'
import { type Fold, thresholdInForce } from './fold.js'

/**
 * An `auto` share is raised tenfold at a suspicion of drift or breach, and stays raised down to this one. Lower limits raise it too
 * often, higher ones too late (simulated at 20 generations a second and an EM drop that rises from 0.5 to 6 points).
 */
const CALM = 1.2
const BOOST = 10

/**
 * The least `auto` share where the policy moves as it is trained: at the floor, a training has too few control groups to show in time that
 * stopping has begun to lose (docs/evidence/training.md).
 */
const MOVING_SHARE = 0.2

/** The share while a looser threshold is worth learning about, and the largest one at a suspicion of breach alone. */
const LEARNING_SHARE = 0.5

/**
 * Moves the control share. Without a threshold it is as large as the span and the budget of probes allow, but not below a stated rate.
 * With one, an `auto` share is a half while learning is worth its price, and the floor otherwise, or a fifth in a training. It is raised
 * at a suspicion of drift or breach, since at the floor either would have to be found in one generation of fifty. It depends on the past
 * alone, so the bets stay fair, and each draw states the share that it was made at.
 * @param state of the context, as stored
 * @param isBudgetDue `false`: the last budget holds, which spares a pass over all thresholds
 * @returns the state stored last
 */
export function moveShare (fold: Fold, key: string, state: ContextState, time: number, isBudgetDue = true): ContextState {
  const force = thresholdInForce(fold, key, time)
  const { policy } = force.source
  const { control_rate: rate } = policy
  const is_suspected = rate === 'auto' && isSuspicious(state, force)
  const useful = usefulShare(fold, key, state, policy)
  const last = { share: state.control_share, unlikely: state.unlikely }
  const budget = force.threshold !== null ? null : isBudgetDue ? probeBudget(state, policy, fold.predictors) : last
  const wanted = budget !== null ? learningShare(state, rate, useful, budget) : rate === 'auto' ? autoShare(fold, state, force, is_suspected, useful) : rate
  const share = Math.max(CONTROL_FLOOR, wanted)
  const unlikely = budget?.unlikely ?? null
  if (share === state.control_share && is_suspected === state.is_suspected && unlikely === state.unlikely) return state
  const next = copyState(state, { control_share: share, is_suspected, unlikely })
  fold.set(key, next)
  return next
}

/** The share without a threshold in force. */
function learningShare (state: ContextState, rate: Policy['control_rate'], useful: number, budget: ProbeBudget): number {
  if (rate === 'auto' && isWaiting(state)) return CONTROL_FLOOR
  return Math.min(useful, rate === 'auto' ? budget.share : Math.max(rate, budget.share))
}

/** The largest share whose control generations count as evidence. */
function usefulShare (fold: Fold, key: string, state: ContextState, policy: Policy): number {
  const span = 1000 * policy.evidence_span_seconds
  const cohort = fold.cohorts.get(key)
  if (span === 0 || cohort === undefined) return 1
  const units = unitsOfFirstCertificate(testedBound(policy), barOf(state, policy))
  const { clock } = fold.cohorts
  return Math.min(1, widestUsefulShare(state.tested.at, cohort.traffic(clock, span), clock, { units, span }))
}

/** The share with a threshold in force. @param useful the largest share whose control generations count as evidence */
function autoShare (
  fold: Fold, state: ContextState, { isPinned, source }: EffectiveThreshold, isSuspected: boolean, useful: number
): number {
  const isWorthwhile = !isPinned && isLearningWorthwhile(state, source.policy, fold.predictors)
  const floor = isPinned || state.checkpoint?.since === undefined ? CONTROL_FLOOR : MOVING_SHARE
  const share = isWorthwhile ? Math.max(floor, Math.min(LEARNING_SHARE, useful)) : floor
  // A breach shows in treated generations: if there were none, the suspicion of one could never be settled.
  return isSuspected ? Math.min(suspicion(state.drift) >= DRIFT_SUSPECTED ? 1 : LEARNING_SHARE, BOOST * share) : share
}

/** Whether more evidence would not put a threshold in force: reports are none, or a certificate waits for the end of a hold. */
function isWaiting ({ cadences, grader, hold, certified }: ContextState): boolean {
  if (cadenceOfTreated(cadences) === 'more' || isGraderBroken(grader)) return true
  return heldUntil(hold) !== null && certified !== -1
}

function isSuspicious (state: ContextState, { threshold, isPinned }: EffectiveThreshold): boolean {
  if (threshold === null || isPinned) return false
  const { is_suspected: was } = state
  return suspicion(state.drift) >= (was ? CALM : DRIFT_SUSPECTED) || fidelitySuspicion(state.fidelity) >= (was ? CALM : BREACH_SUSPECTED)
}
