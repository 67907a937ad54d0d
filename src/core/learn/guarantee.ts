import type { Policy } from '../policy/policy.js'
import type { Guarantee } from '../decide/guarantee.js'
import { cancelledRatio, type FollowUp } from '../evidence/follow-up-counts.js'
import type { ContextState } from './context-state.js'
import type { ScoredEvidence } from './scored-evidence.js'
import { servedDifference } from '../guards/fidelity.js'
import { totalLevel } from '../stats/error-budget.js'

/** The prefix of a source of labels that is a judge: its verdicts are opinions. */
const JUDGE = 'judge:'

/** Share of the answers that have to be calls of tools, or to have a reward, for a guarantee to be about these alone. */
const NEARLY_ALL = 0.99

/**
 * The meaning of the labels of an epoch.
 * @param counts of its control outcomes
 * @param sources graders that gave late labels, with their numbers of labels; absent: none did
 */
export function subjectOf (
  { label, judge_miss_rate: missRate }: Pick<Policy, 'label' | 'judge_miss_rate'>,
  { calls, rewarded, reported }: Pick<FollowUp, 'calls' | 'rewarded' | 'reported'>, sources: Readonly<Record<string, number>> = {}
): Pick<Guarantee, 'about' | 'as_judged'> {
  if (label === 'agreement') return { about: agreementText(calls, reported), as_judged: false }
  const names = Object.keys(sources).sort()
  const judges = names.filter((name) => name.startsWith(JUDGE))
  if (judges.length === 0) return { about: names.length === 0 ? gradeText(rewarded, reported) : `graded by ${names.join(', ')}`, as_judged: false }
  const others = names.length > judges.length ? ', or graded by others' : ''
  const corrected = missRate === null ? '' : `, corrected for missing up to ${Math.round(1000 * missRate) / 10} % of the real losses`
  return { about: `preferred by the judge ${judges.map((name) => name.slice(JUDGE.length)).join(', ')}${others}${corrected}`, as_judged: missRate === null }
}

function gradeText (rewarded: number, reported: number): string {
  if (rewarded === 0) return 'exact match'
  return rewarded >= NEARLY_ALL * reported ? 'mean reward' : 'mean reward, and exact match where there is no reward'
}

function agreementText (calls: number, reported: number): string {
  if (calls === 0) return 'agreement with the full answer'
  if (calls >= NEARLY_ALL * reported) return 'the same next action: the tools called and their arguments'
  return 'agreement with the full answer, or the same next action where that is a call of tools'
}

/** The guarantee to show: the last one, until its terms change, its evidence grows by a tenth, or what serving loses is known better. */
export function freezeGuarantee (last: Guarantee | null, now: Guarantee | null): Guarantee | null {
  if (last === null || now === null || !isSameGuarantee(last, now)) return now
  const hasGrown = now.units < last.units || (now.units > last.units && now.units >= 1.1 * last.units)
  return hasGrown || hasMoved(last, now) ? now : last
}

/** Whether the bound on what serving loses has become known, or has moved by a tenth. */
function hasMoved ({ max_em_drop: bound, total_em_drop_bound: before }: Guarantee, { total_em_drop_bound: after }: Guarantee): boolean {
  if (before === null || after === null) return before !== after
  return Math.abs(after - before) > 0.1 * (before - bound)
}

export function isSameGuarantee (a: Guarantee | null, b: Guarantee | null): boolean {
  return a !== null && b !== null && a.since === b.since && a.max_em_drop === b.max_em_drop && a.error_level === b.error_level &&
    a.post_hoc === b.post_hoc && a.about === b.about && a.since_step === b.since_step
}

export function guaranteeOf (state: ContextState, policy: Policy, { evidence, isPostHoc }: ScoredEvidence): Guarantee {
  const { epoch: { started_at: since }, evidence: { last_at: until } } = state
  const served = servedDifference(state.guards.fidelity, policy.error_level)
  return {
    max_em_drop: policy.max_em_drop,
    error_level: policy.error_level,
    total_error_level: totalLevel(state.epoch.looks, policy),
    post_hoc: isPostHoc,
    ...subjectOf(policy, state.reports.follow_up, state.labels.sources),
    since,
    until: until ?? since,
    units: evidence.generations,
    cancelled_ratio: cancelledRatio(state.reports),
    total_em_drop_bound: served === null ? null : policy.max_em_drop + Math.max(0, served.high),
    since_step: state.checkpoint?.since ?? null,
  }
}
