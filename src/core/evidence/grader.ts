import { representsGroup } from '../outcome/observed-stop.js'
import type { LoggedOutcome, LoggedStep } from '../outcome/outcome.js'
import { addToRuns, NEWEST, NO_RUNS, type Runs, sumOfRuns } from './recent-runs.js'

/**
 * Whether grades can mean anything. Where a grader never matches, matches always, or an extractor finds the same text everywhere, stopping
 * seems to lose nothing, since every answer has the same EM.
 */

/**
 * Counts over the newest control outcomes of each kind, at most 1,024, of a group one sample, since all samples of an easy prompt have one
 * answer.
 */
export interface GraderCounts {
  /** Generations with a probed answer other than the final one whose EM is known; and those of them in which the EM is another one. */
  readonly differing: Runs
  /** Of the former, those since the last one of the latter. */
  readonly unchanged: number
  /** Generations with a probed answer that equals the final one, if its EM is known; and those of them with one of another EM. */
  readonly agreeing: Runs
  /** Generations whose probes have an EM but no answer, and that of none of them is another one; -1: of some of the epoch it is. */
  readonly bare: number
  /** Final answers; the digest of the newest one, `null` before any; and how many in a row have it. */
  readonly answers: number
  readonly digest: string | null
  readonly same: number
}

export const NO_GRADER: GraderCounts = { differing: NO_RUNS, unchanged: 0, agreeing: NO_RUNS, bare: 0, answers: 0, digest: null, same: 0 }

/** Numbers of generations or answers from which a pattern is taken for a broken grader. */
const ENOUGH = 30
/** Share of the generations in which equal answers may be graded differently. */
const MAX_CONTRADICTING = 0.01

/** An outcome as far as its grades matter. */
interface Answered extends Pick<LoggedOutcome, 'full' | 'answer_digest' | 'generation_id' | 'sample_index' | 'samples'> { readonly steps: readonly LoggedStep[] | null }

/** Counts the final answer of a control outcome. */
export function addFinalAnswer (counts: GraderCounts, outcome: Omit<Answered, 'full' | 'steps'>): GraderCounts {
  const { answer_digest: digest } = outcome
  if (digest === undefined || !representsGroup(outcome)) return counts
  const { answers, digest: last, same } = counts
  return { ...counts, answers: Math.min(NEWEST, answers + 1), digest, same: digest === last ? same + 1 : 1 }
}

/** Counts the grades of a control outcome whose label is known. */
export function addGrades (counts: GraderCounts, outcome: Answered): GraderCounts {
  const { full: { exact_match: em }, steps } = outcome
  if (em === undefined || steps === null || !representsGroup(outcome)) return counts
  let [differing, changing, agreeing, contradicting, bare] = [0, 0, 0, 0, 0]
  for (const { agreement, exact_match: probed, difference = 0, may_differ: mayDiffer = false } of steps) {
    if (probed === undefined) continue
    const isOther = probed !== em || difference !== 0
    if (agreement === undefined) bare = bare === -1 || isOther ? -1 : 1
    else if (agreement === 1 && !(mayDiffer && isOther)) {
      agreeing = 1
      if (isOther) contradicting = 1
    } else {
      differing = 1
      if (isOther) changing = 1
    }
  }
  if (differing === 0 && agreeing === 0 && bare === 0) return counts
  return {
    ...counts,
    differing: addToRuns(counts.differing, [differing, changing]),
    unchanged: changing === 1 ? 0 : counts.unchanged + differing,
    agreeing: addToRuns(counts.agreeing, [agreeing, contradicting]),
    bare: counts.bare === -1 || bare === -1 ? -1 : counts.bare + bare,
  }
}

/** The signs by which a grader is taken for broken. */
export const GRADER_FAULTS = ['equal_answers_graded_unlike', 'answers_all_the_same', 'differing_answers_graded_alike'] as const

export type GraderFault = typeof GRADER_FAULTS[number]

/**
 * The first sign that applies; `null`: the grader is not taken for broken.
 * @param contradicting share of the equal answers that may be graded differently
 */
export function graderFault (counts: GraderCounts, contradicting = MAX_CONTRADICTING): GraderFault | null {
  if (isContradicting(counts, contradicting)) return 'equal_answers_graded_unlike'
  if (counts.answers >= ENOUGH && counts.same >= counts.answers) return 'answers_all_the_same'
  return isSilent(counts) ? 'differing_answers_graded_alike' : null
}

function isContradicting ({ agreeing }: GraderCounts, most: number): boolean {
  const [all = 0, contradicting = 0] = sumOfRuns(agreeing, 1)
  return all >= ENOUGH && contradicting > most * all
}

/**
 * Whether grades mean nothing: the grader shows no differences, or grades equal answers differently. Drift could not be seen either, so no
 * threshold is in force. One that has shown differences before may just have fallen silent (see `isSilent`), and its certificate stays.
 */
export function isGraderBroken (counts: GraderCounts): boolean {
  const fault = graderFault(counts)
  return fault !== null && (fault !== 'differing_answers_graded_alike' || surpriseOfRun(counts) === Infinity)
}

/** Whether a grader that was broken no longer is, by some distance: otherwise its block would end and begin again and again. */
export function isGraderClear (counts: GraderCounts): boolean { return graderFault(counts, MAX_CONTRADICTING / 2) === null }

/** A run without a change must be this unlikely: ln 10^9. */
const RUN = 20.7

/** From this on, a run is suspicious: ln 100. */
const SUSPICIOUS_RUN = 4.6

/**
 * Whether the grader shows no differences: no answer that differs has another EM, or so many in a row have the EM of the final one that
 * chance, at the recent rate of changes, does not explain it.
 */
function isSilent (counts: GraderCounts): boolean { return surpriseOfRun(counts) >= RUN }

/** Whether a grader may have fallen silent, so that nothing new is certified: the run itself would look like evidence of no loss. */
export function isGraderSuspicious (counts: GraderCounts): boolean { return surpriseOfRun(counts) >= SUSPICIOUS_RUN }

/** -ln of the chance of the present run without a change, once it is long enough; Infinity: there was no change. */
function surpriseOfRun ({ differing: runs, unchanged }: GraderCounts): number {
  const [differing = 0, changing = 0] = sumOfRuns(runs, 1)
  return unchanged < ENOUGH ? 0 : changing === 0 ? Infinity : -unchanged * Math.log1p(-changing / differing)
}

/** Generations from which an EM that never changes is suspicious if no answer shows whether the grader works. */
const MANY = 100

/** Whether nothing shows if the grader works: EM never changes, and no answers are stated that would show differences. */
export function isGraderUnseen ({ bare }: GraderCounts): boolean { return bare >= MANY }
