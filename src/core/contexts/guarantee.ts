import type { Label, Policy } from '../policy/policy.js'
import type { BreachSight } from '../certificate/breach.js'
import type { FollowUp } from './follow-up-counts.js'

/** The promise of the evidence at the threshold in force, about this context's labelled traffic. */
export interface Guarantee {
  readonly max_em_drop: number
  readonly error_level: number
  /** The guarantee was requested after evidence had arrived, so the bar was thirty times higher. */
  readonly post_hoc: boolean
  readonly label: Label
  /** What the guarantee is about, in words: exact match, mean reward, agreement, the same calls of tools, or the preference of a judge. */
  readonly about: string
  /** Some labels are verdicts of a judge whose errors are not known. */
  readonly as_judged: boolean
  /** Share of the enrolled generations that are accounted for; and share that clients cancelled, about which nothing is promised. */
  readonly follow_up_ratio: number
  readonly cancelled_ratio: number
  /** Outcomes counted on arrival (`follow_up_seconds: 0`): it holds only if the order of arrival says nothing about them. */
  readonly on_arrival: boolean
  /** `pool`: it holds on average over the traffic of all contexts below, and may not hold for one of them. */
  readonly scope: 'context' | 'pool'
  readonly generations: number
  readonly em_drop: number
  /** Stops that were reported with their probe, and the share of them whose served answer is the probed one; `null`: none. */
  readonly stops: number
  readonly fidelity: number | null
  /** EM of probed answers less EM of served ones, a mean over all treated generations: estimate and upper end, at the error level. */
  readonly served_em_drop: number | null
  readonly served_em_drop_high: number | null
  /** Bound on full run against served answer: `max_em_drop` and the upper end above. */
  readonly total_em_drop_bound: number | null
  /** From what a breach is seen. */
  readonly breach: BreachSight
  /** Net of the cost of probes, and without counting it. */
  readonly tokens_saved_ratio: number
  readonly tokens_saved_gross_ratio: number
  readonly epoch: number
  /** The step of training from which the model has moved during the epoch: it is about a policy as it moves. `null`: one model. */
  readonly since_step: number | null
}

/** The prefix of a source of labels that is a judge: its verdicts are opinions. */
export const JUDGE = 'judge:'

/** Share of the answers that have to be calls of tools, or to have a reward, for a guarantee to be about these alone. */
const NEARLY_ALL = 0.99

/**
 * What the labels of an epoch say.
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

/** The guarantee that was requested when evidence began. */
export interface RequestedGuarantee { readonly max_em_drop: number, readonly error_level: number }
