import { CERTIFIABLE, HOPE, meanDrop, unitsToReach } from '../stats/certificate.js'
import { differencesAt, type Evidence, grossSavedRatio, thresholdsOf, tokensSaved } from '../stats/evidence.js'
import { testedBound } from '../stats/judge-errors.js'
import { gatheredUnits } from '../evidence/evidence-span.js'
import type { Policy } from '../policy/policy.js'
import type { LivePredictors } from '../scores/predictor-version.js'
import { uncertifiedUnits } from '../stats/error-budget.js'
import { type ContextState, endedEpoch } from './context-state.js'
import type { Unlikely } from './learned-rule.js'
import { hopedFor, type ScoredEvidence, scoredEvidence } from './scored-evidence.js'

/** Law 10 of the design: while no threshold is in force, a context spends on probes only as far as it can still gain. */

/** The largest control share that a budget allows, 1 for no limit; and why nothing is likely to be certified, `null` if something is. */
export interface ProbeBudget { readonly share: number, readonly unlikely: Unlikely | null }

export const NO_LIMIT: ProbeBudget = { share: 1, unlikely: null }

/**
 * The budget of a context without a threshold in force, beyond the units that a first span gathers. Let m be the units that some threshold
 * still needs at a hopeful loss rate, o the probe tokens of a control unit, ds the tokens that it would save net in a unit, and n
 * the units so far. As with the value of information, learning is worth its price while ds n > o m. Otherwise probes may take
 * `max_probe_overhead` of the tokens, and only the control floor is left where nothing can be gained at all.
 */
export function probeBudget (state: ContextState, policy: Policy, predictors: LivePredictors): ProbeBudget {
  if (uncertifiedUnits(endedEpoch(state)) < gatheredUnits(policy)) return NO_LIMIT
  const scored = scoredEvidence(state, policy, predictors)
  const prospect = prospectOf(scored, state, policy)
  if (prospect === 'worthwhile') return NO_LIMIT
  const { max_probe_overhead: most } = policy
  const unlikely = scored.evidence.generations === 0 ? null : prospect // an epoch that has just begun shows nothing
  return { unlikely, share: most === 1 ? 1 : shareWithin(state, prospect === 'too_few' ? most : 0) }
}

/** The control share at which probes take a part of the tokens. Probes that cost nothing need no limit. */
function shareWithin ({ savings: { spending: { all, control } } }: ContextState, overhead: number): number {
  if (control.probe_tokens === 0) return 1
  const cost = control.probe_tokens / control.generations
  return Math.min(1, overhead * all.tokens / all.generations / cost)
}

/** @returns whether the evidence makes further learning worthwhile, otherwise why it does not */
function prospectOf (
  { evidence, bar }: ScoredEvidence, { reports: { generations }, savings: { spending: { control } } }: ContextState, policy: Policy
): Unlikely | 'worthwhile' {
  const a = testedBound(policy)
  const units = evidence.generations
  if (units === 0 || control.tokens === 0) return 'too_few'
  const unitTokens = evidence.full_tokens / units // a unit may be a group, of which each sample is probed
  const cost = control.probe_tokens / control.tokens * unitTokens
  const unitsSoFar = generations * control.tokens / control.generations / unitTokens
  let prospect: Unlikely = costsTooMuch(evidence) ? 'probe_cost' : 'accuracy'
  let needed = 0
  for (let k = 0; k < thresholdsOf(evidence); k++) {
    const differences = differencesAt(evidence, k)
    const rates = hopedFor(differences, HOPE)
    if (meanDrop(rates) >= CERTIFIABLE * a) break // looser ones wait for it
    needed = Math.max(needed, unitsToReach(a, differences, bar, rates))
    const saved = tokensSaved(evidence, k) / units
    if (saved > 0) prospect = 'too_few'
    if (saved * unitsSoFar > (cost === 0 ? 0 : cost * needed)) return 'worthwhile'
  }
  return prospect
}

/** Whether probes cost what stops save, at every threshold that saves, however much it loses. */
function costsTooMuch (evidence: Evidence): boolean {
  const saving = evidence.lost.map((_, k) => k).filter((k) => grossSavedRatio(evidence, k) > 0)
  return saving.length > 0 && saving.every((k) => tokensSaved(evidence, k) <= 0)
}
