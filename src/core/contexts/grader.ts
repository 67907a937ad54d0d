import { representsGroup } from '../outcome/observed-stop.js'
import type { LoggedOutcome, LoggedStep } from '../outcome/outcome.js'

/**
 * Whether grades can mean anything. Where a grader never matches, matches always, or an extractor finds the same text everywhere, stopping
 * seems to lose nothing, since every answer has the same EM.
 */

/** Counts over the control outcomes of an epoch, of a group one sample: all samples of an easy prompt have one answer. */
export interface GraderCounts {
  /** Generations with a probed answer other than the final one whose EM is known; and those of them in which the EM is another one. */
  readonly differing: number
  readonly changing: number
  /** Generations counted in `differing` since the last one that is in `changing`. */
  readonly unchanged: number
  /** Whether a grader that had worked showed no difference for a time, so that the evidence of that time means nothing. */
  readonly is_spoilt: boolean
  /** Recent generations with a probed answer that equals the final one, if its EM is known; and those of them with one of another EM. */
  readonly agreeing: number
  readonly contradicting: number
  /** Generations whose probes have an EM but no answer, and that of none of them is another one; -1: of some it is. */
  readonly bare: number
  /** Final answers; and the digest of all of them. `null`: there are none, or several. */
  readonly answers: number
  readonly digest: string | null
  /** Whether the grader was found to show no difference in this epoch. If it shows one later, the evidence of the epoch means nothing. */
  readonly was_blind: boolean
}

export const NO_GRADER: GraderCounts = {
  differing: 0,
  changing: 0,
  unchanged: 0,
  is_spoilt: false,
  bare: 0,
  agreeing: 0,
  contradicting: 0,
  answers: 0,
  digest: null,
  was_blind: false,
}

/** Numbers of generations or answers from which a pattern is taken for a broken grader. */
const ENOUGH = 30
/** Share of the generations in which equal answers may be graded differently. */
const MAX_CONTRADICTING = 0.01
/** Number of generations whose answers agree at which their counts are halved, so that they follow a repaired grader. */
const MOST_AGREEING = 1024

/** An outcome as far as its grades matter. */
interface Answered extends Pick<LoggedOutcome, 'full' | 'answer_digest' | 'generation_id' | 'sample_index' | 'samples'> { readonly steps: readonly LoggedStep[] | null }

/** Counts the final answer of a control outcome. */
export function addFinalAnswer (counts: GraderCounts, outcome: Omit<Answered, 'full' | 'steps'>): GraderCounts {
  const { answer_digest: digest } = outcome
  if (digest === undefined || !representsGroup(outcome)) return counts
  const { answers, digest: others } = counts
  return withBlindness({ ...counts, answers: answers + 1, digest: answers === 0 || digest === others ? digest : null })
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
  const scale = counts.agreeing + agreeing < MOST_AGREEING ? 1 : 0.5
  return withBlindness({
    ...counts,
    differing: counts.differing + differing,
    changing: counts.changing + changing,
    unchanged: changing === 1 ? 0 : counts.unchanged + differing,
    is_spoilt: counts.is_spoilt || (changing === 1 && isGraderSilent(counts)),
    bare: counts.bare === -1 || bare === -1 ? -1 : counts.bare + bare,
    agreeing: scale * (counts.agreeing + agreeing),
    contradicting: scale * (counts.contradicting + contradicting),
  })
}

function withBlindness (counts: GraderCounts): GraderCounts {
  return isBlind(counts) && !counts.was_blind ? { ...counts, was_blind: true } : counts
}

/** Whether no answer that differs has another EM, or no answer differs. */
function isBlind ({ differing, changing, answers, digest }: GraderCounts): boolean {
  return (differing >= ENOUGH && changing === 0) || (answers >= ENOUGH && digest !== null)
}

/** Whether nothing may be certified: the grader shows no difference, or grades equal answers differently. */
export function isGraderBroken ({ agreeing, contradicting, was_blind: wasBlind }: GraderCounts): boolean {
  return wasBlind || (agreeing >= ENOUGH && contradicting > MAX_CONTRADICTING * agreeing)
}

/** A run without a change must be this unlikely: ln 10^9. */
const RUN = 20.7

/** From this on, a run is suspicious: ln 100. */
const SUSPICIOUS_RUN = 4.6

/**
 * Whether a grader that has shown differences shows none any more: so many answers in a row that differ have the EM of the final one that
 * chance, at the rate of changes in the epoch, does not explain it. Jobs that differ much in that rate may look like this, too, so a
 * certificate stays.
 */
export function isGraderSilent (counts: GraderCounts): boolean { return surpriseOfRun(counts) >= RUN }

/** Whether a grader may have fallen silent, so that nothing new is certified: the run itself would look like evidence of no loss. */
export function isGraderSuspicious (counts: GraderCounts): boolean { return surpriseOfRun(counts) >= SUSPICIOUS_RUN }

/** -ln of the chance of the present run without a change, once it is long enough. */
function surpriseOfRun ({ differing, changing, unchanged }: GraderCounts): number {
  return changing > 0 && unchanged >= ENOUGH ? -unchanged * Math.log1p(-changing / differing) : 0
}

/** Generations from which an EM that never changes is suspicious if no answer shows whether the grader works. */
const MANY = 100

/** Whether nothing shows if the grader works: EM never changes, and no answers are stated that would show differences. */
export function isGraderUnseen ({ bare }: GraderCounts): boolean { return bare >= MANY }

/** Whether the grader shows differences after it showed none from the start, so that the evidence of the epoch has to be dropped. */
export function isGraderRepaired (counts: GraderCounts): boolean { return counts.was_blind && !isBlind(counts) }
