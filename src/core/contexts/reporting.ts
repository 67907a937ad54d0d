import type { Policy } from '../policy/policy.js'

/** Which treated generations report their outcomes. Control ones always do. */
export type Reports = 'all' | 'enrolled'

/** Which generations of a certifying context report, and how many there are. */
export interface Reporting {
  readonly mode: Reports
  /** Until this time outcomes may belong to generations that began while only enrolled ones reported, ms. */
  readonly weighed_until: number
  /** When the present minute of the rate began, ms, and the generations since. */
  readonly since: number
  readonly generations: number
  /** Generations a second in the last whole minute; `null`: none is over. */
  readonly rate: number | null
  /** The least control share of the last follow-up, and until when it counts, ms. */
  readonly least_share: number
  readonly least_until: number
}

export const NO_REPORTING: Reporting = { mode: 'all', weighed_until: 0, since: 0, generations: 0, rate: null, least_share: 1, least_until: 0 }

/**
 * Under `auto`, generations a second from which on only the enrolled ones report, and below which all of them do again. At the floor of
 * the control share, a context at the upper limit has two enrolled stops a second.
 */
export const AUTO_REPORTS = { enrolledFrom: 100, allBelow: 50 }

const MINUTE = 60_000

type ReportingPolicy = Pick<Policy, 'reports' | 'follow_up_seconds'>

/** Which generations report. @param mode that the learner has in force; `undefined` before any outcome */
export function reportsInForce ({ reports }: Pick<Policy, 'reports'>, mode: Reports = 'all'): Reports {
  return reports === 'auto' ? mode : reports
}

/**
 * Counts generations, measures their rate at the end of each minute, and follows the policy or, under `auto`, the rate.
 * @param generations that reported, or that a list says need not
 * @param share control share in force
 */
export function advanceReporting (reporting: Reporting, policy: ReportingPolicy, generations: number, time: number, share = 1): Reporting {
  const { mode: before, since, weighed_until } = reporting
  const counted = reporting.generations + generations
  const isOver = time >= since + MINUTE
  const rate = isOver ? since === 0 ? null : 1000 * counted / (time - since) : reporting.rate
  const mode = reportsInForce(policy, isOver ? modeAt(before, rate) : before)
  const followUp = 1000 * policy.follow_up_seconds
  const isLeast = share <= reporting.least_share || time >= reporting.least_until
  return {
    mode,
    weighed_until: before === 'enrolled' && mode === 'all' ? time + followUp : weighed_until,
    since: isOver ? time : since,
    generations: isOver ? 0 : counted,
    rate,
    least_share: isLeast ? share : reporting.least_share,
    least_until: isLeast ? time + followUp : reporting.least_until,
  }
}

function modeAt (before: Reports, rate: number | null): Reports {
  if (rate === null) return before
  return rate >= AUTO_REPORTS.enrolledFrom ? 'enrolled' : rate < AUTO_REPORTS.allBelow ? 'all' : before
}

/** Whether the generations that had to report stand for those that had not. */
export function isWeighed ({ mode, weighed_until: until }: Reporting, policy: ReportingPolicy, time: number): boolean {
  return mode === 'enrolled' || reportsInForce(policy, mode) === 'enrolled' || time < until
}

/** Whether a treated generation is enrolled by its draw, and so has to report. @param enrolledShare part of the draws that is enrolled */
export function mustReport (u: number, hash: number, share: number, enrolledShare: number): boolean {
  return u < 2 * share && hash < enrolledShare
}

/**
 * The number of treated generations that a reported one stands for: one over the chance that it had to report (Horvitz & Thompson 1952).
 * 0: it did not have to. This does not depend on whether it began before others stopped reporting, since draws are independent of all else.
 * @param share control share at which it was drawn
 */
export function reportWeight ({ u, hash }: { readonly u: number, readonly hash: number }, share: number, enrolledShare: number): number {
  return u < share || !mustReport(u, hash, share, enrolledShare) ? 0 : (1 - share) / (Math.min(share, 1 - share) * enrolledShare)
}

/**
 * The same for a treated generation whose draw is not at hand, by the present share. If u is below that, it was drawn at a smaller one: the
 * least of the last follow-up, or one between, which is not known; then it counts once.
 */
export function weightAtPresent (
  { least_share: least, least_until: until }: Reporting, drawn: { readonly u: number, readonly hash: number }, share: number,
  enrolledShare: number, time: number
): number {
  if (drawn.u >= share) return reportWeight(drawn, share, enrolledShare)
  if (drawn.hash >= enrolledShare) return 0
  return Math.max(1, time < until ? reportWeight(drawn, least, enrolledShare) : 0)
}
