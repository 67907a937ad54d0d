import { addToRuns, NO_RUNS, type Runs, sumOfRuns } from './recent-runs.js'

/** Counts of this epoch: enrolled units by their fate, and outcomes that are not evidence. */
export type FollowUp = Readonly<Record<keyof typeof NO_FOLLOW_UP, number>>

export const NO_FOLLOW_UP = {
  enrolled: 0,
  accounted: 0,
  /** Outcome, complete steps or label never arrived; counted as lost. */
  missing: 0,
  cancelled: 0,
  /** Enrolments that arrived too late, under another epoch, or beyond the limit of open enrolments of a context. */
  void: 0,
  /** Control outcomes of units that were not enrolled, and of units that had gone missing before. */
  unenrolled: 0,
  /** Of these, those that no list named. Void lists are often the fault of the store, which was away; these are the workers'. */
  unlisted: 0,
  late: 0,
  /** Control outcomes of enrolled units with their steps, and how many of these needed a label and got it. */
  reported: 0,
  labels_wanted: 0,
  labels_given: 0,
  /** How many had no label when their follow-up was over. */
  labels_missed: 0,
  /** Outcomes some of whose signals were left out, since they have too many names (see `SignalNames`). */
  signals_refused: 0,
  /** Control outcomes that lack some of their steps. */
  steps_missing: 0,
  /** Control outcomes of enrolled units with their steps that may be one of several samples of a prompt. */
  unmarked: 0,
  /** Those whose answer is calls of tools. */
  calls: 0,
  /** Those that came with a reward; one that a later label gives is not counted. */
  rewarded: 0,
  /** Those that asked, and for which no check has an answer: it was too long to be forced, or probes failed or came too late. */
  unanswered: 0,
  /** Control units that the evidence leaves out: of outcomes that nothing enrolled, and of void entries, except for the epoch before. */
  left_out: 0,
}

export function addCounts (counts: FollowUp, more: Partial<FollowUp>): FollowUp {
  return { // written out: a spread takes ten times as long
    enrolled: counts.enrolled + (more.enrolled ?? 0),
    accounted: counts.accounted + (more.accounted ?? 0),
    missing: counts.missing + (more.missing ?? 0),
    cancelled: counts.cancelled + (more.cancelled ?? 0),
    void: counts.void + (more.void ?? 0),
    unenrolled: counts.unenrolled + (more.unenrolled ?? 0),
    unlisted: counts.unlisted + (more.unlisted ?? 0),
    late: counts.late + (more.late ?? 0),
    reported: counts.reported + (more.reported ?? 0),
    labels_wanted: counts.labels_wanted + (more.labels_wanted ?? 0),
    labels_given: counts.labels_given + (more.labels_given ?? 0),
    labels_missed: counts.labels_missed + (more.labels_missed ?? 0),
    signals_refused: counts.signals_refused + (more.signals_refused ?? 0),
    steps_missing: counts.steps_missing + (more.steps_missing ?? 0),
    unmarked: counts.unmarked + (more.unmarked ?? 0),
    calls: counts.calls + (more.calls ?? 0),
    rewarded: counts.rewarded + (more.rewarded ?? 0),
    unanswered: counts.unanswered + (more.unanswered ?? 0),
    left_out: counts.left_out + (more.left_out ?? 0),
  }
}

/** Counts by which reports are checked: of the newest 1,024 control units drawn, of as many outcomes that arrived, and of fewer labels. */
export interface RecentCounts { readonly drawn: Runs, readonly arrived: Runs, readonly labels: Runs }

export const NO_RECENT_COUNTS: RecentCounts = { drawn: NO_RUNS, arrived: NO_RUNS, labels: NO_RUNS }

/** Few, since only answers that differ need a label: an outage of the grader and its end show soon. */
const NEWEST_LABELS = 64

export function addRecent (counts: RecentCounts, more: Partial<FollowUp>): RecentCounts {
  const { enrolled = 0, left_out: leftOut = 0, reported = 0, steps_missing: stepless = 0, labels_missed: labelsMissed = 0 } = more
  const drawn = addToRuns(counts.drawn, [enrolled + leftOut, leftOut])
  const arrived = addToRuns(counts.arrived, [reported + stepless, stepless, more.unmarked ?? 0, more.unanswered ?? 0])
  const labels = addToRuns(counts.labels, [(more.labels_given ?? 0) + labelsMissed, labelsMissed], NEWEST_LABELS)
  const isSame = drawn === counts.drawn && arrived === counts.arrived && labels === counts.labels
  return isSame ? counts : { drawn, arrived, labels }
}

/** A part of the newest units, and how many there are. */
export type Part = readonly [part: number, all: number]

/** The parts of the newest units that each check is about. */
export function recentParts ({ drawn, arrived, labels }: RecentCounts) {
  const [all, leftOut = 0] = sumOfRuns(drawn, 1)
  const [came, stepless = 0, unmarked = 0, unanswered = 0] = sumOfRuns(arrived, 3)
  const [due, missed = 0] = sumOfRuns(labels, 1)
  const reported = came - stepless
  return {
    left_out: [leftOut, all],
    steps_missing: [stepless, came],
    unmarked: [unmarked, reported],
    unanswered: [unanswered, reported],
    /** Labels whose follow-up was over before they came, of those that came or are over. */
    labels_missed: [missed, due],
  } as const satisfies Record<string, Part>
}

/** The reports of a context, of which the ratios need only the counts. */
interface Followed { readonly follow_up: FollowUp }

/** Share of the enrolled units of final slices that are accounted for, cancelled ones aside; 1 before there are any. */
export function followUpRatio ({ follow_up: { accounted, missing } }: Followed): number {
  const all = accounted + missing
  return all === 0 ? 1 : accounted / all
}

/** Share of the units of final slices whose client went away. */
export function cancelledRatio ({ follow_up: { accounted, missing, cancelled } }: Followed): number {
  return cancelled === 0 ? 0 : cancelled / (accounted + missing + cancelled)
}
