import type { Arm } from '../decide/arm.js'
import { countGeneration } from '../evidence/reports.js'
import type { LoggedOutcome } from '../outcome/outcome.js'
import type { Policy } from '../policy/policy.js'
import { countInHistory, countTokens } from '../stats/context-savings.js'
import type { EffectiveThreshold } from './effective-threshold.js'
import { withSlices } from './context-state.js'
import type { Fold } from './fold.js'
import type { Place } from './place-of-outcome.js'
import { countProbes } from './probes.js'
import { deepestOf, presentDay } from './savings-by-day.js'

/**
 * Whether generations of a leaf are really stopped, by a threshold that its evidence certifies. Savings are counted only then.
 * @param force threshold in force for the leaf
 */
export function areStopsReal ({ mode }: Pick<Policy, 'mode'>, { threshold, isPinned }: EffectiveThreshold): boolean {
  return mode === 'enforce' && threshold !== null && !isPinned
}

/**
 * Cancelled generations are left out in both arms.
 * @returns the tokens that a treated generation used after its crossing; `undefined`: it does not count in the savings
 */
function usedTokens (outcome: LoggedOutcome, policy: Policy, force: EffectiveThreshold): number | undefined {
  const { tokens, answer_tokens: answer, stopped, stopped_probe: probe, cancelled: isCancelled = false } = outcome
  if (isCancelled || !areStopsReal(policy, force)) return undefined
  return !stopped ? 0 : probe === undefined ? Math.min(answer, tokens) : tokens - probe.tokens
}

interface Counted {
  readonly arm: Arm | null
  /** The threshold in force for its leaf, of treated outcomes. */
  readonly force: EffectiveThreshold | undefined
  /** Whether the threshold applied to it. */
  readonly isServed: boolean
  readonly time: number
}

/** Counts an outcome in every link of its chain. */
export function countInChain (
  fold: Fold, { chain, leaf, key, isOfPool, policy }: Place, outcome: LoggedOutcome, { arm, force, isServed, time }: Counted): void {
  const used = isServed && force !== undefined && fold.get(leaf) !== undefined ? usedTokens(outcome, policy, force) : undefined
  const isUncounted = arm === 'treated' && force !== undefined && force.threshold !== null && !areStopsReal(policy, force)
  const counts = deepestOf(fold, chain)
  for (const [depth, link] of chain.entries()) {
    const state = fold.get(link)
    if (state === undefined) continue
    const savings = depth === 0 ? countInHistory(state.savings, outcome, time) : state.savings
    fold.set(link, withSlices(state, {
      savings: countTokens(savings, outcome, { isControl: arm === 'control', used, isUncounted, today: link === counts ? presentDay(fold) : null, time }),
      reports: countGeneration(state.reports, arm, time),
      probes: link === key ? countProbes(state.probes, outcome, arm === 'control' && isOfPool) : state.probes,
    }))
  }
}
