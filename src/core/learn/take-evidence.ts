import { mayCertify } from '../evidence/blocks.js'
import type { Cohort } from '../evidence/cohort.js'
import { addFinal, isRecovered, lookAt } from '../evidence/gathered-evidence.js'
import { countUnits } from '../evidence/reports.js'
import { type Now, watchFinal, watchOpen } from '../evidence/slice-drift.js'
import type { Slice } from '../evidence/slice.js'
import { isHeld } from '../guards/guards.js'
import { certificationTerms, haveSameTerms, type Policy } from '../policy/policy.js'
import { barOf } from '../stats/error-budget.js'
import { thresholdsOf } from '../stats/evidence.js'
import type { RulesOfContext } from './cohort-rules.js'
import { type ContextState, withSlices } from './context-state.js'

/** A final slice joins the sum. */
export function takeSlice (state: ContextState, slice: Slice, policy: Policy, now: Now): ContextState {
  const { evidence, guards, reports, rule } = state
  return {
    ...state,
    evidence: addFinal(evidence, slice, policy, now.time),
    guards: watchFinal(guards, slice, rule.index, policy, now),
    reports: countUnits(reports, slice.counts),
  }
}

/** Counts outcomes whose label did not come within their follow-up. */
export function missLabels (state: ContextState, count: number): ContextState {
  return withSlices(state, { reports: countUnits(state.reports, { labels_missed: count }) })
}

/** A look: the state after it, and why the epoch ends with it; `null`: it does not. */
interface Looked {
  readonly state: ContextState
  readonly cause: 'drift' | 'recovered' | null
  /** What the detector of drift has seen, open slices included. */
  readonly counts: ReturnType<typeof watchOpen>['counts']
}

/** Looks at the evidence of a cohort, which certifies a further threshold unless reports block it. */
export function look (before: ContextState, cohort: Cohort, rules: RulesOfContext, now: Now): Looked {
  const { policy } = rules
  const { rule: { index }, evidence: { final } } = before
  const { guards, isAlarmed, counts } = watchOpen(before.guards, cohort, rules, { index, thresholds: thresholdsOf(final) }, now)
  const state = withSlices(before, { guards })
  if (isAlarmed) return { state, cause: 'drift', counts }
  const looked = takeEvidence(state, { slices: cohort.slices, open: cohort.openEvidence(rules) }, policy)
  if (!mayCertify(state.reports, policy, cohort.early)) return { state: withoutNewCertificates(state, looked, policy), cause: null, counts }
  return { state: looked, cause: isRecovered(looked.evidence, policy) ? 'recovered' : null, counts }
}

/** Takes the evidence of every prefix. */
export function takeEvidence (state: ContextState, looked: Parameters<typeof lookAt>[1], policy: Policy): ContextState {
  const { epoch, evidence, rule, guards } = state
  // During a hold the detector of drift does not watch, so a certificate lasts only as long as the evidence supports it.
  const isSticky = haveSameTerms(rule.judged_by, policy) && !isHeld(guards)
  const from = isSticky ? evidence.certified : -1
  return withSlices(state, { evidence: lookAt(evidence, looked, { policy, bar: barOf(epoch, policy), from, inForce: rule.index }) })
}

/** The state after a look by a policy, with no threshold certified that was not before. */
export function withoutNewCertificates (before: Pick<ContextState, 'evidence'>, after: ContextState, policy: Policy): ContextState {
  const { evidence, rule } = after
  return {
    ...after,
    evidence: { ...evidence, certified: Math.min(before.evidence.certified, evidence.certified) },
    rule: { ...rule, judged_by: certificationTerms(policy) }, // otherwise the evidence would be judged again
  }
}
