import { emDropInterval } from '../stats/em-drop-interval.js'
import { differencesAt, emDrop, type Evidence, noEvidence } from '../stats/evidence.js'
import { trueDrop } from '../stats/judge-errors.js'
import { GRID } from '../decide/grid.js'
import { hasLeft } from '../evidence/membership.js'
import { type ChainLink, linksOf, type LoadedContexts } from '../learn/chain-link.js'
import type { ContextState } from '../learn/context-state.js'
import { accountedAtWorst, accountedEvidence, knownEvidence } from '../evidence/gathered-evidence.js'
import { certifyingDepthOf, type EffectiveThreshold, effectiveThreshold } from '../learn/effective-threshold.js'
import { type ScoredEvidence, scoredEvidence } from '../learn/scored-evidence.js'
import { isCertifying } from '../policy/context.js'
import type { Policy } from '../policy/policy.js'

export const STATUSES = ['learning', 'unlikely', 'certified', 'suspended', 'drifted'] as const

export type Status = typeof STATUSES[number]

/** What the reports on a context that has a state are made from. */
export interface ContextFacts {
  readonly key: string
  readonly state: ContextState
  readonly own: ChainLink
  readonly effective: EffectiveThreshold
  readonly status: Status
  /** The state of the context that gathers its evidence, itself or its pool; `undefined`: nothing was reported there. */
  readonly gathering: ContextState | undefined
  /** Whether it is a context of a pool. */
  readonly isMember: boolean
  /** Whether it has left its pool. */
  readonly isGone: boolean
  /** Whether evidence is gathered in it, or in its pool. */
  readonly isGathering: boolean
  readonly scored: ScoredEvidence
  readonly shown: Shown
}

/** What is shown of a context's evidence, at one threshold. */
interface Shown {
  /** Control generations in the evidence. */
  readonly generations: number
  /** The evidence that is accounted for; and with what is missing, which then counts as lost. */
  readonly evidence: Evidence
  readonly atWorst: Evidence
  /** -1: nothing is in force. */
  readonly index: number
  /** Of an interval for its EM drop. */
  readonly level: number
}

export function factsOf (loaded: LoadedContexts, key: string): ContextFacts {
  const state = loaded.states.get(key)!
  const chain = linksOf(loaded, key)
  const own = chain.at(-1)!
  const effective = effectiveThreshold(chain, certifyingDepthOf(loaded.levels, chain))
  const { source } = effective
  const isMember = isOfPool(loaded, chain, source)
  const gathering = isMember ? loaded.states.get(source.key) : state
  const scored = scoredEvidence(state, own.policy, loaded.predictors)
  const shown = isMember
    ? shownInPool(state, source, gathering)
    : shownAlone(state, own.index, Math.exp(-scored.bar))
  return {
    key,
    state,
    own,
    effective,
    status: statusInForce(loaded, chain, effective),
    gathering,
    isMember,
    isGone: isMember && hasLeft(own.leftEpoch, source.epochName),
    isGathering: isMember || isCertifying(loaded.levels, own.policy.certify_at, key),
    scored,
    shown: effective.isPinned ? { ...shown, index: indexUnderPin(shown, scored.grid, effective) } : shown,
  }
}

/**
 * An estimate of the true EM drop of the units that are accounted for, with its interval, which stays valid however often one looks. Both
 * come from the same sums. While the long generations of a burst are open, the sums lack them.
 */
export interface DropEstimate { readonly drop: number, readonly low: number, readonly high: number }

/** The EM drop at the threshold in force, by the evidence that is shown; `null`: no threshold is in force. */
export function dropOf ({ shown: { evidence, index, level }, own: { policy } }: Pick<ContextFacts, 'shown' | 'own'>): DropEstimate | null {
  return index === -1 ? null : estimateDrop(evidence, index, level, policy)
}

/** @param level chance that the interval ever excludes the true drop */
export function estimateDrop (
  evidence: Evidence, index: number, level: number, policy: Pick<Policy, 'judge_miss_rate'>
): DropEstimate {
  const { low, high } = emDropInterval(differencesAt(evidence, index), level)
  return { drop: trueDrop(emDrop(evidence, index), policy), low: trueDrop(low, policy), high: trueDrop(high, policy) }
}

/**
 * The status of the end of a chain. A context of a pool has that of the pool, unless it has left it.
 * @param effective the threshold that takes effect there
 */
export function statusInForce (
  loaded: Pick<LoadedContexts, 'levels'>, chain: readonly ChainLink[], { source, isPinned }: Pick<EffectiveThreshold, 'source' | 'isPinned'>
): Status {
  const own = chain.at(-1)!
  const isMember = isOfPool(loaded, chain, source)
  if (isMember && hasLeft(own.leftEpoch, source.epochName)) return 'drifted'
  const link = isMember && source.epochName !== null ? source : own
  if (!isPinned && link.isSuspended) return 'suspended'
  return link.index === -1 ? link.uncertified : 'certified'
}

export function isOfPool ({ levels }: Pick<LoadedContexts, 'levels'>, chain: readonly ChainLink[], source: ChainLink): boolean {
  return source !== chain.at(-1) && chain.length === levels.length + 1
}

function shownAlone (state: ContextState, index: number, level: number): Shown {
  const { evidence } = state
  const { generations } = knownEvidence(evidence)
  return { generations, evidence: accountedEvidence(evidence), atWorst: accountedAtWorst(evidence), index, level }
}

/**
 * A member's own evidence in its pool's present epoch, at the threshold of the pool. It certifies nothing.
 * @param pool link and state of the pool
 */
export function shownInPool ({ membership }: ContextState, { index, policy }: Pick<ChainLink, 'index' | 'policy'>, pool: ContextState | undefined): Shown {
  const isCurrent = pool !== undefined && membership?.epoch === pool.epoch.name
  const atWorst = isCurrent ? membership.evidence : noEvidence(GRID.length)
  const evidence = isCurrent && membership.accounted !== undefined ? membership.accounted : atWorst
  return { generations: atWorst.generations, evidence, atWorst, index: isCurrent ? index : -1, level: policy.error_level }
}

/** The threshold of a pin on the grid; -1: the pin is safer than the grid, or there is no evidence. */
function indexUnderPin ({ evidence }: Pick<Shown, 'evidence'>, grid: readonly number[], { threshold }: Pick<EffectiveThreshold, 'threshold'>): number {
  return threshold !== null && evidence.generations > 0 ? grid.findLastIndex((safe) => safe >= threshold) : -1
}
