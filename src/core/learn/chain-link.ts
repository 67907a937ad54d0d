import { isBlind } from '../guards/sight.js'
import { chainOf, type Levels } from '../policy/context.js'
import { effectivePolicy, type Policy, type PolicyPatch } from '../policy/policy.js'
import { type LivePredictors, usablePin } from '../scores/predictor-version.js'
import { type ContextState, isWithdrawn } from './context-state.js'
import { contextWarnings } from './context-warnings.js'
import { ALL_LABELS } from '../decide/rule.js'
import { labelReachOf } from '../evidence/labels.js'
import { judge, type Judgement } from './judge.js'
import { knownEpochOf, leftEpochOf } from '../evidence/membership.js'
import type { Probes } from './probes.js'
import type { Pin } from '../policy/pin.js'

/** The inputs of a context's link besides the state of the context. */
export interface SnapshotInputs {
  readonly levels: Levels
  readonly defaultPolicy: PolicyPatch
  readonly policies: ReadonlyMap<string, PolicyPatch>
  /** Pins that have not expired. */
  readonly pins: ReadonlyMap<string, Pin>
  readonly predictors: LivePredictors
}

/** Contexts read from the store at one moment. */
export interface LoadedContexts extends SnapshotInputs {
  /** States by context key. With each context it holds the ancestors that have a state. */
  readonly states: ReadonlyMap<string, ContextState>
}

/** One context of a chain: its own judgement, and the other values that decide which threshold takes effect. */
export interface ChainLink extends Judgement {
  readonly key: string
  readonly policy: Policy
  readonly pin: Pin | undefined
  /** Generations reported in this epoch, of either arm. */
  readonly generations: number
  /** Name of its epoch; `null` before any enrolment. */
  readonly epochName: string | null
  /** Name of the epoch of its pool that it left, since it lost too much; `null`: it has not left. */
  readonly leftEpoch: string | null
  /** Name of the epoch of its pool in which it has run its first generations in full; `null`: it has in none. */
  readonly knownEpoch: string | null
  /** Whether its threshold is suspended, since its guards cannot see (law 2). */
  readonly isSuspended: boolean
  /** Why it has no certified threshold, where it has none. */
  readonly uncertified: 'learning' | 'unlikely' | 'drifted'
  /** Whether its state could not be read; it may then have left its pool. */
  readonly isUnreadable: boolean
  /** How workers force answers; `null`: no worker has said. */
  readonly probeForm: Probes['form']
  /** Problems with the reports on the context. */
  readonly warnings: ReturnType<typeof contextWarnings>
  /** The distance of checks that its evidence has measured; `undefined` before any outcome. */
  readonly checkDistance: Probes['distance'] | undefined
  /** The control share that the learner has in force; `undefined` before any outcome. */
  readonly learnedControlShare: number | undefined
  /** Index of the loosest threshold for which labels are asked for. */
  readonly labelReach: number
}

const NO_WARNINGS: ReturnType<typeof contextWarnings> = []

/** The link of a context, from its state, the present policies and pins, and the predictors. @param state absent before any outcome */
export function linkOf (
  { levels, defaultPolicy, policies, pins, predictors }: SnapshotInputs, key: string, state?: ContextState
): ChainLink {
  const policy = effectivePolicy(defaultPolicy, policies, key)
  const judgement = judge(state, policy, levels, predictors)
  const warnings = state === undefined ? NO_WARNINGS : contextWarnings(state, policy)
  return chainLink(key, policy, usablePin(predictors, pins.get(key)), state, judgement, warnings)
}

/** The links of a context's chain, root first. */
export function linksOf (loaded: LoadedContexts, key: string): ChainLink[] {
  return chainOf(key).map((link) => linkOf(loaded, link, loaded.states.get(link)))
}

/** @param warnings of the state; left out by the learner, which needs only the threshold and takes a link for each treated outcome */
export function chainLink (
  key: string, policy: Policy, pin: Pin | undefined, state: ContextState | undefined, judgement: Judgement, warnings = NO_WARNINGS
): ChainLink {
  const { index, threshold, guarantee } = judgement
  return {
    index,
    threshold,
    guarantee,
    key,
    policy,
    pin,
    generations: state?.reports.generations ?? 0,
    epochName: state?.epoch.name ?? null,
    leftEpoch: leftEpochOf(state),
    knownEpoch: knownEpochOf(state),
    isSuspended: state !== undefined && threshold !== null && isBlind(state.guards.sight),
    uncertified: uncertified(state),
    isUnreadable: state?.epoch.number === 0,
    probeForm: state?.probes.form ?? null,
    warnings,
    checkDistance: state?.probes.distance,
    learnedControlShare: state?.rule.control_share,
    labelReach: state === undefined || pin !== undefined // a pin may lose more than is allowed
      ? ALL_LABELS
      : labelReachOf(state.labels, policy, state.rule.index),
  }
}

function uncertified (state: ContextState | undefined): ChainLink['uncertified'] {
  if (state !== undefined && isWithdrawn(state)) return 'drifted'
  return (state?.rule.unlikely ?? null) === null ? 'learning' : 'unlikely'
}
