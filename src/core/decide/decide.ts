import type { Probing, Step } from './step.js'
import type { DecisionWarning } from './warnings.js'
import { type Arm, drawArm, isStopProbed, secondHash, uniform } from './arm.js'
import type { Scope, ContextRule } from './rule.js'
import { clampConfidence, gridOf, nameOf, type ScoredBy, scoreOf } from './scorer.js'
import { contextKey } from '../policy/context.js'
import { nextCheckTokens, TOKENS } from '../policy/policy.js'
import { ruleFor, type Snapshot } from './snapshot.js'

/** The reasons for a decision, in order of precedence. */
export const REASONS = [
  'off', 'stale_snapshot', 'suspended', 'no_threshold', 'no_score', 'min_tokens', 'asked_early', 'below_threshold', // continue, would_stop false
  'control_arm', 'shadow', 'retry', // continue, would_stop true
  'score_at_threshold', // stop
] as const

export type Reason = typeof REASONS[number]

export interface Decision {
  readonly decision: 'stop' | 'continue'
  readonly threshold: number | null
  readonly score: number | null
  /** `confidence`, `tokens`, or the name of the predictor that gave the score. */
  readonly scorer: string
  readonly reason: Reason
  readonly would_stop: boolean
  readonly arm: Arm
  readonly context: string
  readonly scope: Scope
  /**
   * `null`: never again, since there is no further check, or the generation is treated and nothing can stop it, or its budget is all that
   * can.
   */
  readonly next_check_tokens: number | null
  /** Of a treated generation under thinking budgets: the tokens at which its worker ends the reasoning; `null`: it does not. */
  readonly budget_tokens?: number | null
  /** Whether the worker should force an answer: of a control generation here, of one with a budget where the budget ends it. */
  readonly probe: boolean
  readonly snapshot_version: number
  readonly stale: boolean
  readonly warnings: readonly DecisionWarning[]
}

/** How far the snapshot is behind the store: `stale` is reported, `too_old` means continue. */
export type Freshness = 'fresh' | 'stale' | 'too_old'

/** A decision with its grounds, which enrolment and recording need too. */
export interface StepDecision {
  readonly decision: Decision
  /** The rule of the step's context. */
  readonly rule: ContextRule
  /** The draw of the arm, in [0, 1); `null`: none was drawn, since the step has its arm, or has no id, or no salt is known. */
  readonly u: number | null
}

/** Decides one step: stop or continue. Doubt means continue. */
export function decide (snapshot: Snapshot, freshness: Freshness, step: Step): Decision {
  return decideStep(snapshot, freshness, step).decision
}

/** Decides one step, as `decide` does, and returns the rule and the draw with the decision. */
export function decideStep (snapshot: Snapshot, freshness: Freshness, step: Step): StepDecision {
  const rule = ruleFor(snapshot, step.context)
  const id = step.group_id ?? step.generation_id
  // Reading an absent optional field is slow, so fields that few steps have are read only where they matter.
  const u = step.arm === undefined && step.retry_of === undefined ? drawOf(snapshot.salt, step.group_id ?? step.prompt_hash ?? id) : null
  const arm = step.arm ?? armOfDraw(rule, u)
  const confidence = clampConfidence(step.confidence)
  const repeats = step.repeats === true
  const score = scoreIn(rule.scorer, step, confidence, repeats)
  const isEarly = arm === 'treated' && !repeats && isBefore(step.tokens, step.due_tokens)
  const reached = reasonFor(rule, freshness, step.tokens, score, arm, isEarly)
  const reason = reached === 'score_at_threshold' && step.retry_of !== undefined ? 'retry' : reached
  const budget = arm === 'treated' && rule.scorer === TOKENS ? budgetIn(rule, freshness, step) : undefined
  const decision: Decision = {
    decision: reason === 'score_at_threshold' ? 'stop' : 'continue',
    threshold: rule.threshold,
    score,
    scorer: nameOf(rule.scorer),
    reason,
    would_stop: wouldStop(reason),
    arm,
    context: rule.context ?? contextKey(snapshot.levels, step.context ?? {}),
    scope: rule.scope,
    next_check_tokens: isLeftAlone(rule, arm) ? null : finite(nextCheckTokens(rule, step.tokens)),
    ...(budget !== undefined && { budget_tokens: budget }),
    probe: arm === 'control' ? isProbeDue(rule, arm, step, confidence) : budget != null && isStopDrawn(snapshot.salt, id),
    snapshot_version: snapshot.version,
    stale: freshness !== 'fresh',
    warnings: isEarly ? ['asked_early', ...rule.warnings] : rule.warnings,
  }
  return { decision, rule, u }
}

/**
 * Whether a generation needs no further checks: it is treated, and nothing can stop it, since no threshold is in force or the mode is not
 * `enforce`, or a budget can, which its first reply states. It is not asked again even if this changes before its end, since evidence is
 * about stops at the first of all its checks that reaches the threshold.
 */
export function isLeftAlone ({ threshold, mode, scorer }: Pick<ContextRule, 'threshold' | 'mode' | 'scorer'>, arm: Arm | null): boolean {
  return arm === 'treated' && (threshold === null || mode !== 'enforce' || scorer === TOKENS)
}

/** The tokens at which a treated generation ends: the first check that reaches the threshold; `null`: it is not stopped. */
function budgetIn (rule: ContextRule, freshness: Freshness, step: Step): number | null {
  if (rule.threshold === null || rule.mode !== 'enforce' || freshness === 'too_old' || step.retry_of !== undefined) return null
  return finite(nextCheckTokens(rule, rule.threshold - 1))
}

/** Whether the stop of a treated generation with a budget is drawn for a probe. @param id of its group, if it has one */
function isStopDrawn (salt: string | null, id: string | undefined): boolean {
  return salt !== null && id !== undefined && isStopProbed(secondHash(salt, id))
}

function finite (tokens: number): number | null { return tokens === Infinity ? null : tokens }

/** The score of a step; the two usual scores come first, since this is the path of every decision. */
function scoreIn (scorer: ScoredBy, step: Probing, confidence: number | null, repeats: boolean): number | null {
  if (scorer === null && !repeats) return confidence
  return scoreOf(scorer, { tokens: step.tokens, confidence, ...(step.signals !== undefined && { signals: step.signals }), repeats })
}

/** The draw of a step that does not echo its arm, in [0, 1); `null` without an id or a salt. */
export function drawOf (salt: string | null, id: string | undefined): number | null {
  return id === undefined || salt === null ? null : uniform(salt, id)
}

/** The arm that a draw gives; without one it is treated. */
export function armOfDraw ({ controlShare }: Pick<ContextRule, 'controlShare'>, u: number | null): Arm {
  return u === null ? 'treated' : drawArm(u, controlShare)
}

export function wouldStop (reason: Reason): boolean {
  return reason === 'score_at_threshold' || reason === 'control_arm' || reason === 'shadow' || reason === 'retry'
}

/**
 * Whether a step is before the check that the last reply to its generation named. Evidence is about stops at checks only, so a treated
 * generation is not stopped there. A control one is never stopped.
 */
function isBefore (tokens: number, dueTokens: number | null | undefined): boolean {
  return dueTokens != null && tokens < dueTokens
}

function reasonFor (
  rule: ContextRule, freshness: Freshness, tokens: number, score: number | null, arm: Arm, isEarly: boolean
): Reason {
  const { threshold } = rule
  if (rule.mode === 'off') return 'off'
  if (freshness === 'too_old') return 'stale_snapshot'
  if (rule.isSuspended) return 'suspended'
  if (threshold === null) return 'no_threshold'
  if (score === null) return 'no_score'
  if (tokens < rule.minTokens) return 'min_tokens'
  if (isEarly) return 'asked_early'
  if (!(score >= threshold)) return 'below_threshold' // NaN does not stop either
  if (arm === 'control') return 'control_arm'
  return rule.mode === 'shadow' ? 'shadow' : 'score_at_threshold'
}

/**
 * Whether an answer forced at this step is worth its tokens, that is, whether some threshold would first stop here. For the raw confidence
 * and for budgets those are the thresholds above the highest score probed so far and up to this one. Workers do not keep the scores of
 * predictors, so every step that reaches the loosest threshold of one may be a first stop.
 */
export function isProbeDue (
  rule: Pick<ContextRule, 'mode' | 'minTokens' | 'scorer'>, arm: Arm, step: Probing, confidence: number | null
): boolean {
  if (arm !== 'control' || rule.mode === 'off' || step.tokens < rule.minTokens) return false
  const { scorer } = rule
  const score = scoreIn(scorer, step, confidence, step.repeats === true)
  if (score === null) return false
  const grid = gridOf(scorer)
  return scorer === null || scorer === TOKENS ? isNewCrossing(grid, score, step.probed_score ?? null) : score >= grid.at(-1)!
}

/** Whether a threshold lies above the highest score probed and up to this one. */
function isNewCrossing (grid: readonly number[], score: number, probed: number | null): boolean {
  let low = 0
  let high = grid.length
  while (low < high) { // the grid descends
    const middle = (low + high) >> 1
    if (grid[middle]! > score) low = middle + 1; else high = middle
  }
  return low < grid.length && grid[low]! > (probed ?? -Infinity)
}
