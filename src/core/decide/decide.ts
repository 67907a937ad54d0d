import type { Probing, Step } from './step.js'
import type { DecisionWarning } from './warnings.js'
import { type Arm, drawArm, uniform } from './arm.js'
import { GRID } from './grid.js'
import type { Scope, ContextRule } from './rule.js'
import { clampConfidence, type Scorer, scoreStep } from './scorer.js'
import { contextKey } from '../policy/context.js'
import { nextCheckTokens } from '../policy/policy.js'
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
  /** `confidence`, or the name of the predictor that gave the score. */
  readonly scorer: string
  readonly reason: Reason
  readonly would_stop: boolean
  readonly arm: Arm
  readonly context: string
  readonly scope: Scope
  /** `null`: never again, since the generation is treated and nothing can stop it. */
  readonly next_check_tokens: number | null
  /** Whether the worker of a control generation should force an answer here. */
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
  const score = rule.scorer === null ? confidence : scoreStep(rule.scorer, step.tokens, confidence, step.signals)
  const isEarly = arm === 'treated' && isBefore(step.tokens, step.due_tokens)
  const reached = reasonFor(rule, freshness, step.tokens, score, arm, isEarly)
  const reason = reached === 'score_at_threshold' && step.retry_of !== undefined ? 'retry' : reached
  const decision: Decision = {
    decision: reason === 'score_at_threshold' ? 'stop' : 'continue',
    threshold: rule.threshold,
    score,
    scorer: rule.scorer?.name ?? 'confidence',
    reason,
    would_stop: wouldStop(reason),
    arm,
    context: rule.context ?? contextKey(snapshot.levels, step.context ?? {}),
    scope: rule.scope,
    next_check_tokens: isLeftAlone(rule, arm) ? null : nextCheckTokens(rule, step.tokens),
    probe: arm === 'control' && isProbeDue(rule, arm, step, confidence),
    snapshot_version: snapshot.version,
    stale: freshness !== 'fresh',
    warnings: isEarly ? ['asked_early', ...rule.warnings] : rule.warnings,
  }
  return { decision, rule, u }
}

/**
 * Whether a generation needs no further checks: it is treated, and nothing can stop it, since no threshold is in force or the mode is not
 * `enforce`. It is not asked again even if this changes before its end, since evidence is about stops at the first of all its checks that
 * reaches the threshold.
 */
export function isLeftAlone ({ threshold, mode }: Pick<ContextRule, 'threshold' | 'mode'>, arm: Arm | null): boolean {
  return arm === 'treated' && (threshold === null || mode !== 'enforce')
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
 * those are the thresholds above the highest confidence probed so far and up to this one. Workers do not keep predictors' scores, so every
 * step that reaches the loosest threshold of a predictor may be a first stop.
 */
export function isProbeDue (rule: Pick<ContextRule, 'mode' | 'minTokens' | 'scorer'>, arm: Arm, step: Probing, confidence: number | null): boolean {
  if (arm !== 'control' || !canProbe(rule, step.tokens, confidence)) return false
  const { scorer } = rule
  if (scorer === null) return isNewCrossing(confidence, step.probed_score ?? null)
  return reachesLoosest(scorer, scoreStep(scorer, step.tokens, confidence, step.signals))
}

/** Whether such a step may be the first at which a control generation would stop. */
function canProbe (
  { mode, minTokens }: Pick<ContextRule, 'mode' | 'minTokens'>, tokens: number, confidence: number | null
): confidence is number {
  return mode !== 'off' && confidence !== null && tokens >= minTokens
}

/** Whether a threshold for the raw confidence lies above the highest confidence probed and up to this one. */
function isNewCrossing (confidence: number, probed: number | null): boolean {
  let low = 0
  let high = GRID.length
  while (low < high) { // the grid descends
    const middle = (low + high) >> 1
    if (GRID[middle]! > confidence) low = middle + 1; else high = middle
  }
  return low < GRID.length && GRID[low]! > (probed ?? -Infinity)
}

/** Whether a score reaches the loosest threshold of its predictor. */
function reachesLoosest ({ grid }: Scorer, score: number | null): boolean {
  return score! >= grid.at(-1)!
}
