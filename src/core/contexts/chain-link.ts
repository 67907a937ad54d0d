import { testedBound } from '../certificate/judge-errors.js'
import { chainOf, type Levels } from '../policy/context.js'
import { effectivePolicy, type Policy, type PolicyPatch } from '../policy/policy.js'
import type { LivePredictors } from '../predictor/predictor-version.js'
import type { CheckDistance } from './check-distance.js'
import type { ContextState } from './context-state.js'
import { type ContextWarning, contextWarnings } from './context-warnings.js'
import { ALL_LABELS, areLabelsSpared, labelReach } from './label-losses.js'
import { judge, type Judgement } from './judge.js'
import { knownEpochOf, leftEpochOf } from './membership.js'
import type { ProbeFormState } from './probe-form.js'
import { type Pin, usablePin } from './pin.js'

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
  /** Whether its state could not be read; it may then have left its pool. */
  readonly isUnreadable: boolean
  /** How workers force answers; `null`: no worker has said. */
  readonly probeForm: ProbeFormState | null
  /** Problems with the reports on the context. */
  readonly warnings: readonly ContextWarning[]
  /** The distance of checks that its evidence has measured; `undefined` before any outcome. */
  readonly checkDistance: CheckDistance | undefined
  /** The control share that the learner has in force; `undefined` before any outcome. */
  readonly learnedControlShare: number | undefined
  /** Index of the loosest threshold for which labels are asked for. */
  readonly labelReach: number
}

const NO_WARNINGS: readonly ContextWarning[] = []

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
    generations: state?.generations ?? 0,
    epochName: state?.epoch_name ?? null,
    leftEpoch: leftEpochOf(state),
    knownEpoch: knownEpochOf(state),
    isUnreadable: state?.epoch === 0,
    probeForm: state?.probe_form ?? null,
    warnings,
    checkDistance: state?.check_distance,
    learnedControlShare: state?.control_share,
    labelReach: state === undefined || pin !== undefined ? ALL_LABELS : labelReachOf(state, policy), // a pin may lose more than is allowed
  }
}

/** Index of the loosest threshold for which labels are asked for, at least the one in force, where drift is watched. */
export function labelReachOf (state: ContextState, policy: Policy): number {
  const { label_losses: losses, label_sources: sources, threshold_index: inForce } = state
  if (losses === undefined || !areLabelsSpared(policy, sources)) return ALL_LABELS
  return Math.max(inForce, labelReach(losses, testedBound(policy)))
}
