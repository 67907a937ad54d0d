import { chainOf, type Levels } from '../policy/context.js'
import type { Change, UnreadableChange } from '../learn/threshold-change.js'
import { certifyingDepthOf, effectiveThreshold } from '../judgement/effective-threshold.js'
import type { Command, PredictorCommand } from '../learn/log-entry.js'
import { effectivePolicy, type PolicyPatch } from '../policy/policy.js'
import { findPredictor, type PredictorRef } from '../predictor/fingerprint.js'
import type { LivePredictors } from '../predictor/predictor-version.js'
import { livePins, usablePin, type Pin } from '../judgement/pin.js'
import { chainLink, type ChainLink } from '../judgement/chain-link.js'
import { NO_JUDGEMENT } from '../judgement/judge.js'

interface Dated { readonly version: number, readonly time: number }

/** The history in the store, newest first. */
export interface PastChanges {
  readonly changes: ReadonlyArray<(Change | UnreadableChange) & Dated>
  readonly commands: ReadonlyArray<Dated & { readonly command: Command | PredictorCommand, readonly replaced: unknown }>
}

/** The own threshold of a context, and the predictor whose score it is for; `null`: the raw confidence. */
export interface OwnThreshold { readonly threshold: number | null, readonly scorer: PredictorRef | null }

/** The state at a past version, as far as it differs from the present one. */
export interface PastState {
  /** Own thresholds of contexts whose threshold has changed since. */
  readonly thresholds: ReadonlyMap<string, OwnThreshold>
  /** All pins in force at that version. */
  readonly pins: ReadonlyMap<string, Pin>
}

/**
 * Reconstructs a past version. The threshold is the `before` of the oldest change since; the pin is the one that the oldest command since
 * replaced.
 * @param pins the stored pins, expired ones included
 */
export function undoSince (version: number, past: PastChanges, pins: ReadonlyMap<string, Pin>): PastState {
  const thresholds = new Map<string, OwnThreshold>()
  for (const change of past.changes) {
    if (change.cause === 'unreadable') break // Older changes may be incomplete.
    if (change.cause === 'pin' || change.cause === 'left_pool') continue // the context's own threshold did not move
    if (change.version > version) thresholds.set(change.key, beforeOf(change))
  }
  const pinsThen = new Map(pins)
  for (const { version: made, command, replaced } of past.commands) {
    if (made <= version || command.type !== 'pin') continue
    if (replaced === null) pinsThen.delete(command.key); else pinsThen.set(command.key, replaced as Pin)
  }
  const since = [past.changes, past.commands].map((rows) => rows.find((row) => row.version <= version)?.time ?? 0)
  return { thresholds, pins: livePins(pinsThen, Math.max(...since)) }
}

function beforeOf ({ before: threshold, before_scorer: name, before_fingerprint: fingerprint }: Change): OwnThreshold {
  return { threshold, scorer: name === undefined ? null : { name, fingerprint } }
}

/** The parts of the present state that a past threshold is derived with. */
export interface PresentState {
  readonly levels: Levels
  /** The contexts, read no later than the history. */
  readonly states: ReadonlyMap<string, OwnThreshold>
  readonly predictors: LivePredictors
  readonly defaultPolicy: PolicyPatch
  readonly policies: ReadonlyMap<string, PolicyPatch>
}

/**
 * The threshold in force for a context at a past version, under the present policies. One whose predictor is retired has none, since doubt
 * means continue.
 */
export function pastThreshold (then: PastState, now: PresentState, key: string): { threshold: number | null, scorer: string | null } {
  const chain = chainOf(key).map((link) => pastLink(then, now, link))
  const { threshold, scorer } = effectiveThreshold(chain, certifyingDepthOf(now.levels, chain))
  return { threshold, scorer }
}

function pastLink (
  { thresholds, pins }: PastState,
  { states, predictors, defaultPolicy, policies }: PresentState,
  key: string
): ChainLink {
  const state = states.get(key)
  const { threshold, scorer } = thresholds.get(key) ?? state ?? { threshold: null, scorer: null }
  const isGone = scorer !== null && findPredictor(predictors, scorer) === undefined
  const judgement = isGone ? NO_JUDGEMENT : { ...NO_JUDGEMENT, scorer: scorer?.name ?? null, threshold }
  return chainLink(key, effectivePolicy(defaultPolicy, policies, key), usablePin(predictors, pins.get(key)), undefined, judgement)
}
