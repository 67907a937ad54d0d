import { emDrop, tokensSavedRatio } from '../stats/evidence.js'
import { trueDrop } from '../stats/judge-errors.js'
import type { LoadedContexts } from '../learn/chain-link.js'
import { controlShareInForce, type EffectiveThreshold } from '../learn/effective-threshold.js'
import { generationsPerDay } from '../stats/savings.js'
import { scoredEvidence } from '../learn/scored-evidence.js'
import { isCertifying } from '../policy/context.js'
import type { Policy } from '../policy/policy.js'

/** What stopping at a threshold does, by the evidence. 0 where nothing is stopped. `null`: there is no evidence at it. */
interface Figures { readonly em_drop: number | null, readonly tokens_saved_ratio: number | null }

const UNKNOWN: Figures = { em_drop: null, tokens_saved_ratio: null }

/** Estimates from the present evidence, at the loosest threshold of the grid that is at least as safe as the one in force. */
export function figuresOf (present: LoadedContexts, { threshold, source }: EffectiveThreshold): Figures {
  const state = present.states.get(source.key)
  if (threshold === null || state === undefined) return UNKNOWN
  const { grid, accounted: evidence } = scoredEvidence(state, source.policy, present.predictors)
  if (evidence.generations === 0) return UNKNOWN
  const index = grid.findLastIndex((safe) => safe >= threshold)
  if (index === -1) return UNKNOWN
  return { em_drop: trueDrop(emDrop(evidence, index), source.policy), tokens_saved_ratio: tokensSavedRatio(evidence, index) }
}

/** Control generations that a mean of full runs needs at least. */
const MIN_CONTROL = 10

/**
 * Tokens that a context saves a day at the traffic of the last 24 hours: those that stops of treated generations save, net of their probes,
 * less the probes of control generations. Treated generations are probed only where they may be stopped (see `isLeftAlone`), and in mode
 * `off` replies ask for no probe at all. Negative where nothing is stopped while probes are made.
 * @returns `null`: unknown, since the traffic, the length of full runs or the figures at the threshold are; and where nothing is certified,
 * as above pools and leaves
 */
export function netTokensPerDay (
  present: LoadedContexts, key: string, mode: Policy['mode'], force: EffectiveThreshold,
  { tokens_saved_ratio: ratio }: Pick<Figures, 'tokens_saved_ratio'>, now: number
): number | null {
  const { source } = force
  if (!isCertifying(present.levels, source.policy.certify_at, source.key)) return null
  const state = present.states.get(key)
  if (state === undefined) return 0 // no generation was ever reported
  const generations = generationsPerDay(state.savings.day, now)
  if (generations === 0 || mode === 'off') return 0
  const spent = [state, present.states.get(source.key)].find((from) => (from?.savings.spending.control.generations ?? 0) >= MIN_CONTROL)
  const mayStop = mode === 'enforce' && force.threshold !== null
  if (generations === null || spent === undefined || (mayStop && ratio === null)) return null
  const { generations: runs, tokens, probe_tokens: probes } = spent.savings.spending.control
  const share = controlShareInForce(force)
  const saved = mayStop ? (1 - share) * ratio! * tokens / runs : 0
  return generations * (saved - share * probes / runs)
}
