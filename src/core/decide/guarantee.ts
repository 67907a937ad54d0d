/**
 * The promise of the evidence at the threshold in force, about this context's labelled traffic. A pool's holds on average over the traffic
 * of its contexts, and may not hold for one of them. Times are in ms.
 */
export interface Guarantee {
  readonly max_em_drop: number
  readonly error_level: number
  /** Chance that any of the epochs that people opened, repairs or recoveries certified wrongly: at most twice the error level. */
  readonly total_error_level: number
  /** The guarantee was requested after evidence had arrived, so the bar was thirty times higher. */
  readonly post_hoc: boolean
  /** The subject of the guarantee, in words: exact match, mean reward, agreement, the same calls of tools, or the preference of a judge. */
  readonly about: string
  /** Some labels are verdicts of a judge whose errors are not known. */
  readonly as_judged: boolean
  /** When its evidence began, and when the newest was counted. */
  readonly since: number
  readonly until: number
  /** Control generations or groups that the evidence counts. */
  readonly units: number
  /** Share of the enrolled generations that clients cancelled, about which nothing is promised. */
  readonly cancelled_ratio: number
  /** Bound on full run against served answer, at twice the error level: `max_em_drop` and the upper end of what serving loses. */
  readonly total_em_drop_bound: number | null
  /** The step of training from which the model has moved during the epoch: it is about a policy as it moves. `null`: one model. */
  readonly since_step: number | null
}
