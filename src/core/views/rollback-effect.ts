import { chainOf } from '../policy/context.js'
import type { ContextState } from '../judgement/context-state.js'
import type { Change, UnreadableChange } from '../learn/fold.js'
import { effectiveThreshold } from '../judgement/effective-threshold.js'
import type { Command, PredictorCommand } from '../learn/log-entry.js'
import { effectivePolicy, type PolicyPatch } from '../policy/policy.js'
import { findPredictor, type PredictorRef } from '../predictor/fingerprint.js'
import type { LivePredictors } from '../predictor/predictor-version.js'
import { livePins, usablePin, type Pin } from '../judgement/pin.js'
import { chainLink, type ChainLink } from '../judgement/chain-link.js'
import { NO_JUDGEMENT } from '../judgement/judge.js'

interface Dated { readonly version: number, readonly time: number }

/** What the store tells of the past, newest first. */
export interface PastChanges {
  readonly changes: ReadonlyArray<(Change | UnreadableChange) & Dated>
  /** Whether these are all the changes there ever were, and none is damaged. */
  readonly isWhole: boolean
  readonly commands: ReadonlyArray<Dated & { readonly command: Command | PredictorCommand, readonly replaced: unknown }>
}

/** A context's own threshold, and the predictor whose score it is for; `null`: the raw confidence. */
export interface OwnThreshold { readonly threshold: number | null, readonly scorer: PredictorRef | null }

/** How things stood at a version, as far as they were otherwise than now. */
export interface Then {
  /** Own thresholds that have moved since. */
  readonly thresholds: ReadonlyMap<string, OwnThreshold>
  /** Whether a context had drifted or was reset and not certified since; absent: nothing is known of either. */
  readonly recovering: ReadonlyMap<string, boolean>
  readonly isWhole: boolean
  /** All pins in force. */
  readonly pins: ReadonlyMap<string, Pin>
}

/**
 * Undoes what came after a version. Own thresholds: the `before` of the oldest change since. Pins: what the oldest command since replaced.
 * @param pins those there are, expired or not
 */
export function undoSince (version: number, past: PastChanges, pins: ReadonlyMap<string, Pin>): Then {
  const thresholds = new Map<string, OwnThreshold>()
  const recovering = new Map<string, boolean>()
  for (const change of past.changes) {
    if (change.cause === 'unreadable') break // and before it nothing is sure
    if (change.cause === 'pin') continue
    if (change.version > version) thresholds.set(change.key, beforeOf(change))
    else if (!recovering.has(change.key)) noteRecovery(recovering, change)
  }
  const pinsThen = new Map(pins)
  for (const { version: made, command, replaced } of past.commands) {
    if (made <= version || command.type !== 'pin') continue
    if (replaced === null) pinsThen.delete(command.key); else pinsThen.set(command.key, replaced as Pin)
  }
  const since = [past.changes, past.commands].map((rows) => rows.find((row) => row.version <= version)?.time ?? 0)
  return { thresholds, recovering, isWhole: past.isWhole, pins: livePins(pinsThen, Math.max(...since)) }
}

function beforeOf ({ before: threshold, before_scorer: name, before_fingerprint: fingerprint }: Change): OwnThreshold {
  return { threshold, scorer: name === undefined ? null : { name, fingerprint } }
}

/** The newest change that tells whether a context was recovering settles it. */
function noteRecovery (recovering: Map<string, boolean>, { key, cause, before, after }: Change): void {
  if (cause === 'drift' || cause === 'reset') recovering.set(key, true)
  else if (before !== null || after !== null) recovering.set(key, false)
}

/** What has not changed since, or is taken as it is now. */
export interface Now {
  /** The contexts, as they were when the past was read, or before. */
  readonly states: ReadonlyMap<string, OwnThreshold & Pick<ContextState, 'is_recovering'>>
  readonly predictors: LivePredictors
  readonly defaultPolicy: PolicyPatch
  readonly policies: ReadonlyMap<string, PolicyPatch>
}

/**
 * The threshold that was in force for a context, chained under the policies of now. One that has moved since, and of which the past no
 * longer tells whether it had drifted or was reset before, does not fall back: doubt means continue. Nor does one of a retired predictor.
 */
export function thresholdThen (then: Then, now: Now, key: string): { threshold: number | null, scorer: string | null } {
  const { threshold, scorer } = effectiveThreshold(chainOf(key).map((link) => linkThen(then, now, link)))
  return { threshold, scorer }
}

function linkThen (
  { thresholds, recovering, isWhole, pins }: Then, { states, predictors, defaultPolicy, policies }: Now, key: string): ChainLink {
  const state = states.get(key)
  const { threshold, scorer } = thresholds.get(key) ?? state ?? { threshold: null, scorer: null }
  const isGone = scorer !== null && findPredictor(predictors, scorer) === undefined
  const isRecovering = thresholds.has(key) ? recovering.get(key) ?? !isWhole : state?.is_recovering === true
  const judgement = isGone ? NO_JUDGEMENT : { ...NO_JUDGEMENT, scorer: scorer?.name ?? null, threshold }
  return {
    ...chainLink(key, effectivePolicy(defaultPolicy, policies, key), usablePin(predictors, pins.get(key)), undefined, judgement),
    isRecovering: isGone || (threshold === null && isRecovering),
  }
}
