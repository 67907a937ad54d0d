import { addLoss, estimateLost, type LostAnswers, NO_LOSSES } from './lost-answers.js'
import { addControl, addTreated, type CountedSamples, estimateSavings, NO_SAVINGS, type Savings, sumSavings, weightOf } from './savings.js'
import type { Estimate } from './weighted-sums.js'

/** What is added up of a context and a day, of which the figures of any range are made: the sums of days and of contexts add. */
export interface SavingsSums {
  /** Generations that were reported, and their tokens, probes included. */
  readonly generations: number
  readonly tokens: number
  readonly probe_tokens: number
  readonly saved: Savings
  readonly lost: LostAnswers
}

export const NO_SUMS: SavingsSums = { generations: 0, tokens: 0, probe_tokens: 0, saved: NO_SAVINGS, lost: NO_LOSSES }

export function addSums (a: SavingsSums, b: SavingsSums): SavingsSums {
  return {
    generations: a.generations + b.generations,
    tokens: a.tokens + b.tokens,
    probe_tokens: a.probe_tokens + b.probe_tokens,
    saved: sumSavings(a.saved, b.saved),
    lost: {
      samples: a.lost.samples + b.lost.samples,
      squares: a.lost.squares + b.lost.squares,
      lost: a.lost.lost + b.lost.lost,
      gained: a.lost.gained + b.lost.gained,
    },
  }
}

/** The figures of some sums. Savings are net of probes; `null`: too few control generations to say. */
export interface SavedFigures {
  readonly generations: number
  readonly tokens: number
  readonly saved: Estimate | null
  readonly lost: Estimate | null
  /** Treated generations whose answer a stop changed without a label that says what that lost; an estimate, or `null` as above. */
  readonly unlabelled: number | null
}

export function figuresOfSums ({ generations, tokens, probe_tokens: probes, saved, lost }: SavingsSums): SavedFigures {
  const gross = estimateSavings(saved)
  const net = gross && { estimate: gross.estimate - probes, low: gross.low - probes, high: gross.high - probes }
  const { treated, control } = saved
  const unlabelled = control.samples === 0 ? null : treated.generations * Math.max(0, 1 - lost.samples / control.samples)
  return { generations, tokens, saved: net, lost: estimateLost(lost, treated.generations), unlabelled }
}

/** The sums of a context on one day. */
export interface SavingsOfDay extends SavingsSums {
  /** Days since 1970-01-01, UTC. */
  readonly day: number
}

/** What every context added up on a day that is over. */
export interface EndedDay {
  readonly day: number
  readonly contexts: ReadonlyMap<string, SavingsSums>
}

/** Days for which the sums of ended days are kept: 13 months. */
export const SAVINGS_DAYS = 400

const DAY = 86_400_000

export const dayOf = (time: number): number => Math.floor(time / DAY)
export const startOfDay = (day: number): number => day * DAY

/** The sums of the day. Those of an earlier day were written when it ended (see `endDays`). */
export function sumsOn (day: number, sums: SavingsOfDay | null): SavingsOfDay {
  return sums?.day === day ? sums : { day, ...NO_SUMS }
}

/** Counts a generation. @param used tokens after its crossing; `undefined`: it does not count in the savings */
export function countReported (
  { day, generations, tokens, probe_tokens, saved, lost }: SavingsOfDay, spent: { readonly tokens: number, readonly probes: number },
  used: number | undefined
): SavingsOfDay {
  return {
    day,
    generations: generations + 1,
    tokens: tokens + spent.tokens + spent.probes,
    probe_tokens: probe_tokens + spent.probes,
    saved: used === undefined ? saved : addTreated(saved, used),
    lost,
  }
}

/** The samples of a control unit that were counted, and those of them whose loss was known. */
export interface CountedUnit extends CountedSamples { readonly known: number }

/** A control sample. `loss` is `null` while its label is awaited. */
interface ControlSample {
  readonly tokens: number
  readonly loss: number | null
  readonly share: number
  readonly enrolled: number
}

/** Counts a control sample. @param earlier samples of its unit */
export function countControl (sums: SavingsOfDay, { tokens, loss, share, enrolled }: ControlSample, earlier?: CountedUnit): SavingsOfDay {
  const saved = addControl(sums.saved, tokens, share, earlier, enrolled)
  const lost = loss === null ? sums.lost : addLoss(sums.lost, loss, weightOf(share, enrolled), earlier?.known ?? 0)
  return { ...sums, saved, lost }
}

/** Counts the loss of a control sample that was counted without it. */
export function countLoss (
  sums: SavingsOfDay, { loss, share, enrolled }: { readonly loss: number, readonly share: number, readonly enrolled: number },
  { known }: CountedUnit
): SavingsOfDay {
  return { ...sums, lost: addLoss(sums.lost, loss, weightOf(share, enrolled), known) }
}

/** Digits of a sum that are kept once its day is over. */
const DIGITS = 9

/** The sums as a list of numbers, as they are stored. */
export function toNumbers ({ generations, tokens, probe_tokens: probes, saved: { treated, control }, lost }: SavingsSums): number[] {
  const { weighted, squared } = control
  return [
    generations, tokens, probes, treated.generations, treated.tokens, control.samples, control.tokens,
    weighted.nn, weighted.nt, weighted.tt, squared.nn, squared.nt, squared.tt, lost.samples, lost.squares, lost.lost, lost.gained,
  ].map((sum) => Number(sum.toPrecision(DIGITS)))
}

/** Length of the list. */
export const SAVINGS_NUMBERS = toNumbers(NO_SUMS).length

/** @param at the i-th number of the list */
export function fromNumbers (at: (i: number) => number): SavingsSums {
  return {
    generations: at(0),
    tokens: at(1),
    probe_tokens: at(2),
    saved: {
      treated: { generations: at(3), tokens: at(4) },
      control: {
        samples: at(5),
        tokens: at(6),
        weighted: { nn: at(7), nt: at(8), tt: at(9) },
        squared: { nn: at(10), nt: at(11), tt: at(12) },
      },
    },
    lost: { samples: at(13), squares: at(14), lost: at(15), gained: at(16) },
  }
}
