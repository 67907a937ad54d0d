import type { Arm } from '../decide/arm.js'
import type { LoggedOutcome } from '../outcome/outcome.js'
import { type CountsByName, countForName } from './counts-by-name.js'
import type { SampleReport } from './enrolled-unit.js'
import { addCounts, addRecent, type FollowUp, NO_FOLLOW_UP, NO_RECENT_COUNTS, type RecentCounts } from './follow-up-counts.js'
import { addFinalAnswer, addGrades, type GraderCounts, NO_GRADER } from './grader.js'

/** What was reported in an epoch, and whether it can be evidence. */
export interface Reports {
  /** Generations of either arm, and those that were treated. */
  readonly generations: number
  readonly treated: number
  readonly follow_up: FollowUp
  readonly recent: RecentCounts
  /** Whether a fault of reports has blocked certificates in this epoch, so that evidence begins again once it is repaired. */
  readonly is_blocked: boolean
  /** Enrolments that are not accounted for yet. Set with the commit of the cohort. */
  readonly open_enrolments: number
  /** Whether grades can mean anything. */
  readonly grader: GraderCounts
  /** How much of the epoch's evidence each token reported; absent where the service has no tokens. */
  readonly fed_by?: CountsByName | undefined
  /** When the epoch began, or the newest outcome came, ms. */
  readonly updated_at: number
}

/** @param previous of an epoch whose counts of the newest units go on; `undefined`: they begin again */
export function newReports (previous: Reports | undefined, time: number): Reports {
  return {
    generations: 0,
    treated: 0,
    follow_up: NO_FOLLOW_UP,
    recent: previous?.recent ?? NO_RECENT_COUNTS,
    is_blocked: false,
    open_enrolments: 0,
    grader: previous?.grader ?? NO_GRADER,
    fed_by: undefined,
    updated_at: time,
  }
}

/** Reports with some counts replaced. Written out, since a spread of nine fields takes ten times as long. */
function withCounts (reports: Reports, counts: Partial<Omit<Reports, 'is_blocked' | 'open_enrolments'>>): Reports {
  return {
    generations: counts.generations ?? reports.generations,
    treated: counts.treated ?? reports.treated,
    follow_up: counts.follow_up ?? reports.follow_up,
    recent: counts.recent ?? reports.recent,
    is_blocked: reports.is_blocked,
    open_enrolments: reports.open_enrolments,
    grader: counts.grader ?? reports.grader,
    fed_by: counts.fed_by ?? reports.fed_by,
    updated_at: counts.updated_at ?? reports.updated_at,
  }
}

/** Counts an outcome of the context, or of one below it. */
export function countGeneration (reports: Reports, arm: Arm | null, time: number): Reports {
  const { generations, treated } = reports
  return withCounts(reports, { generations: generations + 1, treated: arm === 'treated' ? treated + 1 : treated, updated_at: time })
}

export function countUnits (reports: Reports, more: Partial<FollowUp>): Reports {
  return withCounts(reports, { follow_up: addCounts(reports.follow_up, more), recent: addRecent(reports.recent, more) })
}

/**
 * Counts the outcome of an enrolled unit.
 * @param kind what it is for the evidence
 */
export function countReport (reports: Reports, kind: SampleReport['kind'], outcome: LoggedOutcome, time: number): Reports {
  const isLabelWanted = kind === 'awaits_label' || kind === 'at_worst'
  const isKnown = isLabelWanted || kind === 'known'
  const counted = countUnits(reports, {
    ...(isKnown ? answerCounts(outcome) : lacksSteps(outcome) && { steps_missing: 1 }),
    ...(isLabelWanted && { labels_wanted: 1 }),
  })
  const grader = isKnown ? addGrades(addFinalAnswer(reports.grader, outcome), outcome) : reports.grader
  return withCounts(counted, { grader, fed_by: countForName(reports.fed_by, outcome.by), updated_at: time })
}

/** Whether a control outcome is missing because it lacks steps. */
function lacksSteps ({ arm, stopped, cancelled, steps, steps_complete: isComplete }: LoggedOutcome): boolean {
  return arm !== 'treated' && !stopped && cancelled !== true && (steps === null || !isComplete)
}

/** Counts of a control outcome by its answers: whether they are calls of tools, have a reward, and whether no check has one. */
function answerCounts ({ is_unmarked: isUnmarked, is_call: isCall, is_rewarded: isRewarded, steps }: LoggedOutcome): Partial<FollowUp> {
  const isUnanswered = steps !== null && steps.length > 0 && steps.every(({ confidence }) => confidence === null)
  return {
    reported: 1,
    ...(isUnmarked === true && { unmarked: 1 }),
    ...(isCall === true && { calls: 1 }),
    ...(isRewarded === true && { rewarded: 1 }),
    ...(isUnanswered && { unanswered: 1 }),
  }
}

/** Counts a label that came after its outcome. @param outcome with the label */
export function countLabel (reports: Reports, outcome: Parameters<typeof addGrades>[1]): Reports {
  return withCounts(countUnits(reports, { labels_given: 1 }), { grader: addGrades(reports.grader, outcome) })
}

/** Reports as they are stored. */
export interface StoredReports extends Omit<Reports, 'grader'> {
  /** `null`: nothing was counted. */
  readonly grader: GraderCounts | null
}

export function packReports (reports: Reports): StoredReports {
  return { ...reports, grader: reports.grader === NO_GRADER ? null : reports.grader }
}

export function unpackReports ({ grader, ...stored }: StoredReports): Reports {
  return { ...newReports(undefined, 0), ...stored, grader: grader ?? NO_GRADER }
}
