import { isFinal, newSlice, type Slice } from './slice.js'

// Rule E3. Slices are never merged, so as many may be open as a follow-up has parts: 64 under fast traffic, and 288 in a day.

/** A slice ends at the latest after this part of the follow-up, or after five minutes, ms. */
const MOST_SHARE = 1 / 16
const MOST_MS = 300_000
/** With this many units it ends after this part: the detector of drift reads ended slices, and under fast traffic others would be large. */
const ENOUGH_UNITS = 32
const LEAST_SHARE = 1 / 64

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

  /** The slice that takes enrolments now. @param stops that were reported by now */
  newest (clock: number, stops: number): Slice {
    const last = this.#slices.at(-1)
    if (last !== undefined && last.ends === null) return last
    const slice = newSlice(this.#next++, clock, stops)
    this.#slices.push(slice)
    return slice
  }

  /** Whether the newest slice takes no more. */
  isOver (clock: number, followUp: number): boolean {
    const last = this.#slices.at(-1)
    if (last === undefined || last.ends !== null) return false
    const age = clock - last.begins
    return age >= Math.min(MOST_MS, (last.enrolled >= ENOUGH_UNITS ? LEAST_SHARE : MOST_SHARE) * followUp)
  }

  endNewest (clock: number): void {
    const last = this.#slices.at(-1)
    if (last !== undefined && last.ends === null) last.ends = clock
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
