import type { Random } from '../../src/cli/traces/seeded-random.js'
import { reaches } from '../../src/core/certificate/certificate.js'
import { addDifferencesOf, differenceSumFrom, noDifferences } from '../../src/core/certificate/difference-sums.js'
import { addNewest, isHealed, NO_NEWEST, windowOf } from '../../src/core/certificate/newest-units.js'
import { addFinal, differencesOf, nothingTested, unitsOfFirstCertificate } from '../../src/core/certificate/tested-evidence.js'
import { lookShare } from '../../src/core/contexts/context-state.js'
import { countsWithin, paceOf, Traffic, widestUsefulShare } from '../../src/core/enrolment/evidence-span.js'
import { mulberry32 } from '../../test/random.js'

// Plays the evidence of one threshold whose EM drop moves with time, without what delays it: outcomes arrive at once.

const BOUND = 0.02
const BAR = Math.log(20)
const SLICE_SECONDS = 28
const SLICE_UNITS = 32
const NOTHING = nothingTested(1, { clock: 0, time: 0 })

/** The EM drop of the generations that start in a second, of one run. */
export type Drop = (second: number) => number

/** Traffic of one kind: draws the drops of one run. */
export type Moving = (random: Random, perSecond: number) => Drop

/** Jobs of so many prompts, one after another: half of them lose nothing, the others twice the mean. */
export const jobsOf = (prompts: number, mean: number): Moving => (random, perSecond) => {
  const drops: number[] = []
  return (second) => {
    const job = Math.floor(second * perSecond / prompts)
    while (drops.length <= job) drops.push(random() < 0.5 ? 0 : 2 * mean)
    return drops[job]!
  }
}

/** A cycle of so many seconds, which begins anywhere in it: the drop is zero for a half and twice the mean for the other. */
export const cycleOf = (seconds: number, mean: number): Moving => (random) => {
  const offset = random() * seconds
  return (second) => (second + offset) % seconds < seconds / 2 ? 0 : 2 * mean
}

/** A sorted list of so many generations: none of the first half loses, and then steady traffic at the mean. */
export const sortedList = (generations: number, mean: number): Moving => (_, perSecond) => (second) => {
  const place = second * perSecond / generations
  return place < 0.5 ? 0 : place < 1 ? 2 * mean : mean
}

export const steadyAt = (drop: number): Moving => () => () => drop

interface Playing {
  readonly traffic: Moving
  readonly perSecond: number
  /** Span of evidence, seconds. */
  readonly span: number
  readonly seconds: number
}

/** Seconds until the threshold is certified; `null`: it is not. */
export function secondsToCertificate ({ traffic, perSecond, span: spanSeconds, seconds }: Playing, seed: number): number | null {
  const random = mulberry32(seed * 7919)
  const drop = traffic(random, perSecond)
  const span = 1000 * spanSeconds
  const rule = { units: unitsOfFirstCertificate(BOUND, BAR), span }
  const seen = new Traffic()
  let tested = NOTHING
  let [began, share, units] = [-Infinity, 1, 0]
  let slice = differenceSumFrom(noDifferences(1))
  for (let second = 0; second < seconds; second++) {
    const clock = 1000 * second
    if (second - began >= SLICE_SECONDS && (units >= SLICE_UNITS || second - began >= 8 * SLICE_SECONDS)) {
      tested = addFinal(tested, slice)
      if (reaches(BOUND, differencesOf(tested, 0), BAR)) return second
      slice = differenceSumFrom(noDifferences(1))
      ;[began, units] = [second, 0]
    }
    const control = drawn(random, perSecond * share)
    const rate = span === 0 ? 0 : seen.add(control, control / share, clock, span)
    units += control
    for (let i = 0; i < control; i++) {
      const eighths = [random() < drop(second) ? 8 : 0]
      if (countsWithin(0, { at: clock, pace: paceOf(random(), clock, share, rate) }, rule)) addDifferencesOf(slice, eighths)
    }
    share = Math.max(0.02, Math.min(1, widestUsefulShare(0, rate, clock, rule)))
  }
  return null
}

/** A whole number with this mean. */
function drawn (random: Random, mean: number): number { return Math.floor(mean) + (random() < mean % 1 ? 1 : 0) }

/** Percentage of the runs in which the threshold is certified. */
export function certifiedShare (playing: Playing, runs: number): number {
  let certified = 0
  for (let seed = 1; seed <= runs; seed++) if (secondsToCertificate(playing, seed) !== null) certified++
  return certified / runs
}

/** A threshold whose first `bad` units lose `badDrop`, and whose later ones lose `drop`. */
interface Spoilt { readonly bad: number, readonly badDrop: number, readonly drop: number, readonly most: number }

/** Units after the bad ones until the threshold is certified; `null`: not within `most`. Evidence that was spoilt begins again. */
export function unitsToHeal ({ bad, badDrop, drop, most }: Spoilt, seed: number): number | null {
  const random = mulberry32(seed * 7919)
  let [tested, newest, looks] = [NOTHING, NO_NEWEST, 0]
  for (let slice = 0; slice * SLICE_UNITS < bad + most; slice++) {
    const sum = differenceSumFrom(noDifferences(1))
    for (let i = 0; i < SLICE_UNITS; i++) addDifferencesOf(sum, [random() < (slice * SLICE_UNITS < bad ? badDrop : drop) ? 8 : 0])
    tested = addFinal(tested, sum)
    newest = addNewest(newest, sum, 0, windowOf(BOUND, BAR))
    if (reaches(BOUND, differencesOf(tested, 0), BAR - Math.log(lookShare({ count: looks, at: 0 })))) return (slice + 1) * SLICE_UNITS - bad
    if (isHealed(newest, tested.final, BOUND, BAR)) [tested, newest, looks] = [NOTHING, NO_NEWEST, looks + 1]
  }
  return null
}
