import { mergeSlices, isFinal, newSlice, type Slice, type SliceEvidence } from './slice.js'

/** Limit on the open slices, and also on the slices whose treated units are not all accounted for. */
export const MAX_OPEN_SLICES = 8
/** A slice ends at this many enrolments, but not before this part of the follow-up, and at the latest after that part. */
const SLICE_SIZE = 32
const MIN_SLICE_SHARE = 1 / 64
const MAX_SLICE_SHARE = 1 / 8

/** The slices of a cohort in their order, from the first that is not final in both arms. Times are the follow-up clock's, ms. */
export class SliceQueue {
  #slices: Slice[]
  #next: number
  #isPublicationNext: boolean

  constructor (slices: readonly Slice[] = [], next = 0, isPublicationNext = false) {
    this.#slices = [...slices]
    this.#next = next
    this.#isPublicationNext = isPublicationNext
  }

  get slices (): readonly Slice[] { return this.#slices }

  /** The number that the next slice to begin will have, and whether it begins after the publication of a predictor. */
  get next (): number { return this.#next }

  get isPublicationNext (): boolean { return this.#isPublicationNext }

  /** The slice that takes enrolments now. */
  newest (clock: number): Slice {
    const last = this.#slices.at(-1)
    if (last !== undefined && last.ends === null) return last
    const slice = newSlice(this.#next++, clock, this.#isPublicationNext)
    this.#isPublicationNext = false
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

  /** Ends the newest slice, so that a predictor that is published now takes evidence from the next one on. */
  publish (clock: number): void {
    this.endNewest(clock)
    this.#isPublicationNext = true
  }

  /** Notes that evidence begins again with the newest slice. @returns whether it may: otherwise too few slices could merge */
  begin (): boolean {
    if (this.#slices.filter(({ isBeginning, isCounted }) => isBeginning && !isCounted).length >= MAX_OPEN_SLICES / 2) return false
    this.#slices.at(-1)!.isBeginning = true
    return true
  }

  /** Where there are too many slices, merges the neighbours that are shortest. @returns pairs: the second is now in the first */
  merge (followUp: number): Array<readonly [Slice, Slice]> {
    const merged: Array<readonly [Slice, Slice]> = []
    if (this.#slices.length <= MAX_OPEN_SLICES) return merged
    for (const isCounted of [false, true]) {
      for (;;) {
        const sameKind = this.#slices.filter((slice) => slice.isCounted === isCounted)
        if (sameKind.length <= MAX_OPEN_SLICES) break
        const pair = shortestPair(isCounted ? sameKind : sameKind.slice(0, -1), this.#slices.at(-1)!.begins, followUp)
        if (pair === null) break
        mergeSlices(...pair)
        this.#slices.splice(this.#slices.indexOf(pair[1]), 1)
        merged.push(pair)
      }
    }
    return merged
  }

  /** Whether `takeFinal` or `dropFinal` would find one. */
  get hasFinal (): boolean {
    const [first] = this.#slices
    if (first === undefined) return false
    if (first.isCounted && first.open.treated === 0) return true
    for (const slice of this.#slices) if (!slice.isCounted) return isFinal(slice)
    return false
  }

  /** The control evidence of slices at the front that have become final, each once: it joins the sum. */
  takeFinal (): Array<SliceEvidence & Pick<Slice, 'number' | 'enrolled'>> {
    const taken = []
    for (const slice of this.#slices) {
      if (slice.isCounted) continue
      if (!isFinal(slice)) break
      const { number, enrolled, evidence, watched, differences, counts } = slice
      taken.push({ number, enrolled, evidence, watched, differences, counts })
      slice.isCounted = true
      slice.evidence = new Map()
      slice.watched = new Map()
      slice.differences = new Map()
    }
    return taken
  }

  /** Drops the slices at the front that are final in both arms. @returns whether there was one */
  dropFinal (): boolean {
    const before = this.#slices.length
    while (this.#slices[0]?.isCounted && this.#slices[0].open.treated === 0) this.#slices.shift()
    return this.#slices.length < before
  }
}

/**
 * The two neighbours that are shortest together, and may merge. Young slices count as longer: by length alone the newest pair would merge
 * again and again, and always hold generations that still run, which count as lost or hide drift.
 * @param now begin of the newest slice
 */
function shortestPair (slices: readonly Slice[], now: number, followUp: number): readonly [Slice, Slice] | null {
  let best: readonly [Slice, Slice] | null = null
  let least = Infinity
  for (let i = 1; i < slices.length; i++) {
    const [first, second] = [slices[i - 1]!, slices[i]!]
    if (second.isBeginning) continue
    const age = Math.min(Math.max(1, now - second.ends!), MAX_SLICE_SHARE * followUp)
    const length = (second.ends! - first.begins) / age
    if (length < least) [best, least] = [[first, second], length]
  }
  return best
}
