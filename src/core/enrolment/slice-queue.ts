import { mergeSlices, isFinal, newSlice, type Slice } from './slice.js'

/** Limit on the open slices. */
export const MAX_OPEN_SLICES = 8
/** A slice ends at this many enrolments, but not before this part of the follow-up, and at the latest after that part. */
const SLICE_SIZE = 32
const MIN_SLICE_SHARE = 1 / 64
const MAX_SLICE_SHARE = 1 / 8

/** The slices of a cohort in their order, from the first that is not final. Times are the follow-up clock's, ms. */
export class SliceQueue {
  #slices: Slice[]
  #next: number

  constructor (slices: readonly Slice[] = [], next = 0) {
    this.#slices = [...slices]
    this.#next = next
  }

  get slices (): readonly Slice[] { return this.#slices }

  /** The number that the next slice to begin will have. */
  get next (): number { return this.#next }

  /** The slice that takes enrolments now. */
  newest (clock: number): Slice {
    const last = this.#slices.at(-1)
    if (last !== undefined && last.ends === null) return last
    const slice = newSlice(this.#next++, clock)
    this.#slices.push(slice)
    return slice
  }

  /** Whether the newest slice takes no more. */
  isOver (clock: number, followUp: number): boolean {
    const last = this.#slices.at(-1)
    if (last === undefined || last.ends !== null) return false
    const age = clock - last.begins
    return (last.enrolled >= SLICE_SIZE && age >= MIN_SLICE_SHARE * followUp) || age >= MAX_SLICE_SHARE * followUp
  }

  endNewest (clock: number): void {
    const last = this.#slices.at(-1)
    if (last !== undefined && last.ends === null) last.ends = clock
  }

  /** Where there are too many slices, merges the neighbours that are shortest. @returns pairs: the second is now in the first */
  merge (followUp: number): Array<readonly [Slice, Slice]> {
    const merged: Array<readonly [Slice, Slice]> = []
    while (this.#slices.length > MAX_OPEN_SLICES) {
      const pair = shortestPair(this.#slices.slice(0, -1), this.#slices.at(-1)!.begins, followUp)
      mergeSlices(...pair)
      this.#slices.splice(this.#slices.indexOf(pair[1]), 1)
      merged.push(pair)
    }
    return merged
  }

  /** Whether `takeFinal` would find one. */
  get hasFinal (): boolean { return this.#slices[0] !== undefined && isFinal(this.#slices[0]) }

  /** Takes the slices at the front that have become final: their evidence joins the sum. */
  takeFinal (): Slice[] {
    const taken: Slice[] = []
    while (this.hasFinal) taken.push(this.#slices.shift()!)
    return taken
  }
}

/**
 * The two neighbours that are shortest together. Young slices count as longer: by length alone the newest pair would merge
 * again and again, and always hold generations that still run, which count as lost or hide drift.
 * @param now begin of the newest slice
 */
function shortestPair (slices: readonly Slice[], now: number, followUp: number): readonly [Slice, Slice] {
  let best = [slices[0]!, slices[1]!] as const
  let least = Infinity
  for (let i = 1; i < slices.length; i++) {
    const [first, second] = [slices[i - 1]!, slices[i]!]
    const age = Math.min(Math.max(1, now - second.ends!), MAX_SLICE_SHARE * followUp)
    const length = (second.ends! - first.begins) / age
    if (length < least) [best, least] = [[first, second], length]
  }
  return best
}
