import { type Arm, drawArm, secondHash, uniform } from '../assignment/arm.js'
import { GRID } from '../certificate/thresholds.js'
import type { Em } from '../certificate/trace.js'
import { CONTEXT_WARNINGS } from '../contexts/context-warnings.js'
import type { Scope } from '../contexts/effective-threshold.js'
import type { Guarantee } from '../contexts/guarantee.js'
import type { DrawnIn } from '../enrolment/enrolment-list.js'
import { clampConfidence } from '../outcome/outcome.js'
import { type Context, contextKey } from '../policy/context.js'
import { nextCheckTokens } from '../policy/policy.js'
import { type Scorer, scoreStep } from '../predictor/predictor.js'
import { type ContextRule, ruleFor, type Snapshot } from './snapshot.js'

/** The reasons for a decision, in order of precedence. */
export const REASONS = [
  'off', 'stale_snapshot', 'no_threshold', 'no_score', 'min_tokens', 'asked_early', 'below_threshold', // continue, would_stop false
  'control_arm', 'shadow', 'retry', // continue, would_stop true
  'score_at_threshold', // stop
] as const

export type Reason = typeof REASONS[number]

/** Warnings: why a step may not count as evidence. */
export const DECISION_WARNINGS = ['id_missing', 'context_missing', 'first_step_late', 'asked_early', ...CONTEXT_WARNINGS] as const

export type DecisionWarning = typeof DECISION_WARNINGS[number]

/** One moment in a generation, as a worker posts it. */
export interface Step extends Probing {
  readonly generation_id?: string
  readonly group_id?: string
  /** Stands for the group in the draw of the arm. */
  readonly prompt_hash?: string
  readonly arm?: Arm
  /** Number of the sample in its group; only number 0 enrols the group. Absent: not stated. */
  readonly sample?: number
  /** The check that the last reply named, in tokens. Replicas keep no replies. */
  readonly due_tokens?: number
  /** Id of the generation that this one repeats: a retry is never stopped, draws and enrols nothing, and counts nowhere. */
  readonly retry_of?: string
  readonly confidence: number | null
  readonly context?: Context
  readonly signals?: Readonly<Record<string, number>>
}

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
  readonly guarantee: Guarantee | null
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
    guarantee: rule.guarantee,
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
 * generation is not stopped there. A control one is never stopped, and asks again at the same tokens to add an answer.
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
  if (threshold === null) return 'no_threshold'
  if (score === null) return 'no_score'
  if (tokens < rule.minTokens) return 'min_tokens'
  if (isEarly) return 'asked_early'
  if (!(score >= threshold)) return 'below_threshold' // NaN does not stop either
  if (arm === 'control') return 'control_arm'
  return rule.mode === 'shadow' ? 'shadow' : 'score_at_threshold'
}

/** The probes so far, as a step reports them. */
interface Probing {
  readonly tokens: number
  /** Exact Match of the answer probed at this step. */
  readonly em?: Em
  readonly answer?: string
  readonly signals?: Readonly<Record<string, number>>
  /** Highest confidence at which the worker has probed. */
  readonly probed_score?: number | null
}

/**
 * Whether an answer forced at this step is worth its tokens, that is, whether some threshold would first stop here. For the raw confidence
 * those are the thresholds above the highest confidence probed so far and up to this one. Workers do not keep predictors' scores, so every
 * step that reaches the loosest threshold of a predictor may be a first stop.
 */
export function isProbeDue (rule: Pick<ContextRule, 'mode' | 'minTokens' | 'scorer'>, arm: Arm, step: Probing, confidence: number | null): boolean {
  if (arm !== 'control' || step.em !== undefined || step.answer !== undefined || !canProbe(rule, step.tokens, confidence)) return false
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

/** A step that drew its arm. */
interface Draw {
  /** The draw, in [0, 1). */
  readonly u: number
  /** The id of the group, or of the generation. */
  readonly id: string
  readonly tokens: number
  readonly context?: Context | undefined
  /** Number of the sample in its group; only number 0 enrols the group. Absent: not stated. */
  readonly sample?: number | undefined
}

/** Takes the generations to enrol. */
export interface EnrolmentSink {
  /** @param u the draw, and `hash` the second hash of the same id, both in [0, 1) */
  readonly enrol: (drawn: DrawnIn, u: number, hash: number) => void
}

/** The effect of a draw: its generation was enrolled, was too late for enrolment, or neither. */
export type Enrolment = 'enrolled' | 'late' | 'none'

/**
 * The second hash of a draw that is enrolled: one that is control, in the share that `label_rate` enrols.
 * @returns `null` if the draw is not enrolled
 */
export function enrolledHash (salt: string, id: string, u: number, share: number, enrolledShare: number): number | null {
  if (u >= share) return null
  const hash = secondHash(salt, id)
  return hash < enrolledShare ? hash : null
}

/**
 * Enrols the generation of a step that drew its arm, as its first step does (see docs/concepts/certificate.md).
 * @param rule of the step's context, by which the arm was drawn
 */
export function enrolDraw (
  sink: EnrolmentSink, { salt, levels }: Pick<Snapshot, 'salt' | 'levels'>, rule: ContextRule, { u, id, tokens, context, sample = 0 }: Draw
): Enrolment {
  const { enrolledShare, evidenceShare: share, epoch } = rule
  if (salt === null || enrolledShare === 0) return 'none'
  if (tokens > nextCheckTokens(rule, 0)) return 'late'
  const hash = sample === 0 ? enrolledHash(salt, id, u, share, enrolledShare) : null
  if (hash === null) return 'none'
  sink.enrol({ key: rule.context ?? contextKey(levels, context ?? {}), epoch, share }, u, hash)
  return 'enrolled'
}
