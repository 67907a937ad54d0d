import { chainLink, type ChainLink } from '../contexts/chain-link.js'
import { certifyingDepthOf, effectiveThreshold } from '../contexts/effective-threshold.js'
import { NO_JUDGEMENT } from '../contexts/judge.js'
import { hasLeft } from '../contexts/membership.js'
import { livePins, type Pin, usablePin } from '../contexts/pin.js'
import { chainOf, type Levels } from '../policy/context.js'
import { effectivePolicy, type PolicyPatch } from '../policy/policy.js'
import { findPredictor, type LivePredictors, type PredictorRef } from '../predictor/predictor-version.js'
import type { Command, PredictorCommand } from '../reducer/log-entry.js'
import type { Change, UnreadableChange } from '../reducer/threshold-change.js'

interface Dated { readonly version: number, readonly time: number }

/** The history in the store, newest first. */
export interface PastChanges {
  readonly changes: ReadonlyArray<(Change | UnreadableChange) & Dated>
  readonly commands: ReadonlyArray<Dated & { readonly command: Command | PredictorCommand, readonly replaced: unknown }>
}

/** The own threshold of a context, and the predictor whose score it is for; `null`: the raw confidence. */
interface OwnThreshold { readonly threshold: number | null, readonly scorer: PredictorRef | null }

/** A context's threshold in force now, and the names of its epoch and of the pool's epochs that it has left and is known in. */
export type PresentThreshold = OwnThreshold & Pick<ChainLink, 'epochName' | 'leftEpoch' | 'knownEpoch'>

/** How many changes came after a change, up to the past version. */
type Age = number

/** The state at a past version, as far as it differs from the present one. */
interface PastState {
  /** Own thresholds of contexts whose threshold has changed since. */
  readonly thresholds: ReadonlyMap<string, OwnThreshold>
  /** All pins in force at that version. */
  readonly pins: ReadonlyMap<string, Pin>
  /** Policies stated then in contexts whose policy has changed since; `null`: none. */
  readonly policies: ReadonlyMap<string, PolicyPatch | null>
  /** Contexts that had left a pool by then, and those that have left one since. */
  readonly leftAt: ReadonlyMap<string, Age>
  readonly leftSince: ReadonlySet<string>
  /** Contexts that may have begun an epoch since. */
  readonly renewed: ReadonlySet<string>
  /** The oldest change that is known of the epoch that each context was in. */
  readonly epochs: ReadonlyMap<string, Age>
}

/**
 * Reconstructs a past version. The threshold is the `before` of the oldest change since; the pin is that replaced by the oldest command
 * since.
 * @param pins the stored pins, expired ones included
 */
export function undoSince (version: number, past: PastChanges, pins: ReadonlyMap<string, Pin>): PastState {
  const thresholds = new Map<string, OwnThreshold>()
  const leftSince = new Set<string>()
  const renewed = new Set<string>()
  const until: Array<Change & Dated> = []
  for (const change of past.changes) {
    if (change.cause === 'unreadable') break // Older changes may be incomplete.
    if (change.version <= version) until.push(change)
    else if (change.cause === 'left_pool') leftSince.add(change.key) // its own threshold did not move
    else if (change.cause !== 'pin') thresholds.set(change.key, beforeOf(change))
    if (change.version > version && !OWN_EPOCH.has(change.cause)) renewed.add(change.key)
  }
  const pinsThen = new Map(pins)
  const policies = new Map<string, PolicyPatch | null>()
  for (const { version: made, command, replaced } of past.commands) {
    if (made <= version) continue
    if (command.type === 'policy') policies.set(command.key, replaced as PolicyPatch | null)
    if (command.type !== 'pin') continue
    if (replaced === null) pinsThen.delete(command.key); else pinsThen.set(command.key, replaced as Pin)
  }
  const since = [past.changes, past.commands].map((rows) => rows.find((row) => row.version <= version)?.time ?? 0)
  return { thresholds, pins: livePins(pinsThen, Math.max(...since)), policies, leftSince, renewed, ...departures(until) }
}

/** Causes of changes within an epoch. */
const OWN_EPOCH: ReadonlySet<string> = new Set<Change['cause']>(['evidence', 'pin', 'predictor', 'left_pool'])

/** @param changes up to a version, newest first */
function departures (changes: ReadonlyArray<Change & Dated>): Pick<PastState, 'leftAt' | 'epochs'> {
  const leftAt = new Map<string, Age>()
  const epochs = new Map<string, Age>()
  const last = new Map<string, number>()
  for (const [age, { key, cause, epoch }] of changes.entries()) {
    if (cause === 'left_pool' && !leftAt.has(key)) leftAt.set(key, age)
    if (!last.has(key)) last.set(key, epoch)
    if (last.get(key) === epoch) epochs.set(key, age)
  }
  return { leftAt, epochs }
}

function beforeOf ({ before: threshold, before_scorer: name, before_fingerprint: fingerprint }: Change): OwnThreshold {
  return { threshold, scorer: name === undefined ? null : { name, fingerprint } }
}

/** The parts of the present state that a past threshold is derived with. */
interface PresentState {
  readonly levels: Levels
  /** The contexts, read no later than the history. */
  readonly states: ReadonlyMap<string, PresentThreshold>
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
  const depth = certifyingDepthOf(now.levels, chain)
  const pool = chain[depth]!.key
  const leftEpoch = hadLeft(then, now, key, pool) ? PAST_EPOCH : null
  const knownEpoch = wasNew(then, now, key, pool) ? null : PAST_EPOCH
  const { threshold, scorer } = effectiveThreshold(chain.with(-1, { ...chain.at(-1)!, leftEpoch, knownEpoch }), depth)
  return { threshold, scorer }
}

/** Stands for the names of past epochs, which are not known. */
const PAST_EPOCH = 'past'

/** Whether a context had left its pool, and the pool had begun no epoch since: by the history, or by what is known now. */
function hadLeft ({ leftAt, leftSince, epochs }: PastState, { states }: PresentState, key: string, pool: string): boolean {
  const left = leftAt.get(key)
  if (left !== undefined) return (epochs.get(pool) ?? Infinity) >= left
  return !leftSince.has(key) && hasLeft(states.get(key)?.leftEpoch ?? null, states.get(pool)?.epochName)
}

/** Whether a context was a new member of its pool: it is new now, and the pool has begun no epoch since. */
function wasNew ({ renewed }: PastState, { states }: PresentState, key: string, pool: string): boolean {
  const state = states.get(key)
  return state !== undefined && !renewed.has(pool) && state.knownEpoch !== states.get(pool)?.epochName
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
  const link = chainLink(key, effectivePolicy(defaultPolicy, policies, key), usablePin(predictors, pins.get(key)), undefined, judgement)
  return { ...link, epochName: PAST_EPOCH }
}
