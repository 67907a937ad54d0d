import { CONTROL_FLOOR } from '../decide/arm.js'
import { gatheringShare, isFirstSpanOver, shareWithRoom } from '../evidence/evidence-span.js'
import { isGraderBroken } from '../evidence/grader.js'
import { isAskedMore, isHeld, isSuspicious } from '../guards/guards.js'
import type { Policy } from '../policy/policy.js'
import type { ContextState } from './context-state.js'
import type { EffectiveThreshold } from './effective-threshold.js'
import type { Fold } from './fold.js'
import { NO_LIMIT, type ProbeBudget, probeBudget } from './probe-budget.js'
import { isLearningWorthwhile } from './scored-evidence.js'
import { thresholdInForce } from './threshold-in-force.js'
import { writeState } from './write-state.js'

/** The factor of an `auto` share at a suspicion of drift or breach. */
const BOOST = 10

/**
 * The least `auto` share where the policy moves as it is trained: at the floor, a training has too few control groups to show in time that
 * stopping has begun to lose (docs/evidence/training.md).
 */
const MOVING_SHARE = 0.2

/** The share while a looser threshold is worth learning about, and the largest one at a suspicion. */
const LEARNING_SHARE = 0.5

/** An `auto` share that is to change by less than this part stays: each change moves all replicas. */
const STEADY = 0.05

/**
 * Moves the control share. Without a threshold it is as large as the span and the budget of probes allow, but not below a stated rate.
 * With one, an `auto` share is a half while learning is worth its price, and the floor otherwise, or a fifth in a training. It is raised
 * at a suspicion of drift or breach, since at the floor either would have to be found in one generation of fifty, and while the threshold
 * is suspended. It depends on the past alone, so the bets stay fair, and each draw states the share that it was made at.
 * @param state of the context, as stored
 * @returns the state stored last
 */
export function moveShare (fold: Fold, key: string, state: ContextState, time: number): ContextState {
  const force = thresholdInForce(fold, key, time)
  const { policy } = force.source
  const { control_rate: rate } = policy
  const is_suspected = rate === 'auto' && isSuspected(state, force)
  const gathering = gatheringIn(fold, key, state, policy)
  const isServing = force.threshold !== null || force.isSuspended
  const budget = isServing ? null : gathering.isFirstSpanOver ? probeBudget(state, policy, fold.predictors) : NO_LIMIT
  const share = budget !== null
    ? learningShare(state, rate, gathering, budget)
    : rate === 'auto' ? autoShare(fold, state, force, is_suspected, gathering.share) : Math.max(CONTROL_FLOOR, rate)
  const unlikely = budget?.unlikely ?? null
  if (share === state.rule.control_share && is_suspected === state.guards.is_suspected && unlikely === state.rule.unlikely) return state
  const next = { ...state, rule: { ...state.rule, control_share: share, unlikely }, guards: { ...state.guards, is_suspected } }
  fold.set(key, next)
  return next
}

/** The share that gathers evidence as the span needs it, and the largest one that there is room for (rule E8). */
interface Gathering { readonly share: number, readonly room: number, readonly isFirstSpanOver: boolean }

function gatheringIn ({ cohorts }: Fold, key: string, { rule: { control_share: last } }: ContextState, policy: Policy): Gathering {
  const { traffic, open = 0 } = cohorts.get(key) ?? {}
  const at = { policy, traffic, clock: cohorts.clock, open }
  const share = gatheringShare(at)
  const isSteady = Math.abs(share / last - 1) < STEADY
  return { share: isSteady ? last : share, room: shareWithRoom(at), isFirstSpanOver: isFirstSpanOver(at) }
}

/** The share without a threshold in force. */
function learningShare (state: ContextState, rate: Policy['control_rate'], { share, room }: Gathering, budget: ProbeBudget): number {
  if (rate === 'auto' && isWaiting(state)) return CONTROL_FLOOR
  const gathered = Math.min(room, Math.max(CONTROL_FLOOR, Math.min(share, budget.share)))
  return rate === 'auto' ? gathered : Math.max(CONTROL_FLOOR, rate, gathered)
}

/** The share with a threshold in force. @param gathering the share that gathers evidence as the span needs it */
function autoShare (
  fold: Fold, state: ContextState, { isPinned, source }: EffectiveThreshold, isSuspected: boolean, gathering: number
): number {
  const isWorthwhile = !isPinned && !state.reports.is_blocked && isLearningWorthwhile(state, source.policy, fold.predictors)
  const floor = isPinned || state.checkpoint?.since === undefined ? CONTROL_FLOOR : MOVING_SHARE
  const share = isWorthwhile ? Math.max(floor, Math.min(LEARNING_SHARE, gathering)) : floor
  // Never more than a half: drift shows in control generations, but a breach in those that are stopped.
  return isSuspected ? Math.min(LEARNING_SHARE, BOOST * share) : share
}

/** Whether more evidence would not put a threshold in force: reports are none, or a certificate waits for the end of a hold. */
function isWaiting ({ guards, reports, evidence }: ContextState): boolean {
  return isAskedMore(guards) || isGraderBroken(reports.grader) || (isHeld(guards) && evidence.certified !== -1)
}

function isSuspected ({ guards }: ContextState, { threshold, isPinned, isSuspended }: EffectiveThreshold): boolean {
  if (isSuspended) return true // at the floor its guards would see again only after thousands of generations
  return threshold !== null && !isPinned && isSuspicious(guards)
}

/** Stores a state, and moves the control share if its thresholds may have moved. @returns the state stored last */
export function writeMoved (fold: Fold, key: string, next: ContextState, options: Parameters<typeof writeState>[3]): ContextState {
  const written = writeState(fold, key, next, options)
  return options.mayMove ? moveShare(fold, key, written, options.time) : written
}
