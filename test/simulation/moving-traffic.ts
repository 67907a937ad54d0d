import type { Random } from '../../src/cli/traces/seeded-random.js'
import { reaches } from '../../src/core/stats/certificate.js'
import { addUnitTo, mergeEvidence, newSum } from '../../src/core/stats/evidence-sum.js'
import { differencesAt, noEvidence } from '../../src/core/stats/evidence.js'
import { CONTROL_FLOOR } from '../../src/core/decide/arm.js'
import { addFinalSlice, gatheringShare, newSpan, PrefixSpans, spanOf } from '../../src/core/evidence/evidence-span.js'
import { SliceQueue } from '../../src/core/evidence/slice-queue.js'
import { Traffic } from '../../src/core/evidence/traffic.js'
import { policyWith } from '../core/learn/memory-fold.js'
import { unitWith } from '../core/evidence/cohort-fixtures.js'
import { mulberry32 } from '../random.js'

// Plays the evidence of one threshold whose EM drop moves with time (rule E8), without what delays it: outcomes arrive at once.

const BOUND = 0.02
const BAR = Math.log(20)

/** In a second of one run: the generations that start, and the part of them that stopping would lose. */
export interface Moment { readonly perSecond: number, readonly drop: number }

/** Traffic of one kind: draws one run. */
export type Moving = (random: Random) => (second: number) => Moment

/** Jobs of so many prompts, one after another: half of them lose nothing, the others twice the mean. */
export const jobsOf = (prompts: number, mean: number, perSecond = 4): Moving => (random) => {
  const drops: number[] = []
  return (second) => {
    const job = Math.floor(second * perSecond / prompts)
    while (drops.length <= job) drops.push(random() < 0.5 ? 0 : 2 * mean)
    return { perSecond, drop: drops[job]! }
  }
}

/** A cycle of so many seconds, which begins anywhere in it: the drop is zero for a half and twice the mean for the other. */
export const cycleOf = (seconds: number, mean: number, perSecond = 4): Moving => (random) => {
  const offset = random() * seconds
  return (second) => ({ perSecond, drop: (second + offset) % seconds < seconds / 2 ? 0 : 2 * mean })
}

/** A sorted list of so many generations: none of the first half loses, and then steady traffic at the mean. */
export const sortedList = (generations: number, mean: number, perSecond = 4): Moving => () => (second) => {
  const place = second * perSecond / generations
  return { perSecond, drop: place < 0.5 ? 0 : place < 1 ? 2 * mean : mean }
}

export const steadyAt = (drop: number, perSecond = 4): Moving => () => () => ({ perSecond, drop })

/** One generation a minute for 40 minutes, then ten a second, which lose nothing for two minutes and then 4 points. */
export const trickleAndBurst: Moving = () => (second) =>
  ({ perSecond: second < 2400 ? 1 / 60 : 10, drop: second < 2520 ? 0 : 0.04 })

/** Easy tests at one a second for 28 minutes, then production at another rate, which loses 2.5 points. */
export const testsAndProduction = (perSecond: number): Moving => () => (second) =>
  second < 1680 ? { perSecond: 1, drop: 0 } : { perSecond, drop: 0.025 }

interface Playing {
  readonly traffic: Moving
  /** Span of evidence, seconds. */
  readonly span: number
  readonly seconds: number
  /** A condition of the rule that is left out: that no sixth of a span holds a quarter, or that of what is known since. */
  readonly without?: 'quarter' | 'known'
}

/** Seconds until the threshold is certified; `null`: it is not. */
export function secondsToCertificate ({ traffic, span: span_seconds, seconds, without }: Playing, seed: number): number | null {
  const policy = policyWith({ follow_up_seconds: 1800, evidence_span_seconds: span_seconds })
  const span = spanOf(policy)
  const random = mulberry32(seed * 7919)
  const momentAt = traffic(random)
  const seen = new Traffic()
  const queue = new SliceQueue()
  let [evidence, spread, share] = [noEvidence(1), newSpan(1, span), gatheringShare({ policy, traffic: seen, clock: 0, open: 0 })]
  let isReached = false
  for (let second = 0; second < seconds; second++) {
    const clock = 1000 * second
    if (queue.isOver(clock, 1000 * policy.follow_up_seconds)) {
      queue.endNewest(clock)
      for (const slice of queue.takeFinal()) {
        evidence = mergeEvidence(evidence, slice.evidence!)
        spread = addFinalSlice(spread, slice, span)
      }
      isReached = reaches(BOUND, differencesAt(evidence, 0), BAR)
    }
    if (isReached) {
      const known = without === 'quarter' ? { ...spread, busiest: 0 } : spread
      const spans = new PrefixSpans({ evidence, span: known, slices: queue.slices, open: [] }, span)
      if (spans.isSpread(0) && (without === 'known' || !spans.isContradicted(0, 0, BOUND))) return second
    }
    const { perSecond, drop } = momentAt(second)
    const control = drawn(random, perSecond * share)
    if (control > 0) {
      const slice = queue.newest(clock, 0)
      slice.enrolled += control
      slice.evidence ??= newSum(1)
      for (let i = 0; i < control; i++) addUnitTo(slice.evidence, unitWith(random() < drop ? 1 : 0))
      if (span !== 0) seen.add(control, control / share, clock, span)
    }
    share = Math.max(CONTROL_FLOOR, gatheringShare({ policy, traffic: seen, clock: clock + 1000, open: 0 }))
  }
  return null
}

/** A whole number with this mean. */
function drawn (random: Random, mean: number): number { return Math.floor(mean) + (random() < mean % 1 ? 1 : 0) }

/** In how many of the runs the threshold is certified. */
export function certifiedRuns (playing: Playing, runs: number): number {
  let certified = 0
  for (let seed = 1; seed <= runs; seed++) if (secondsToCertificate(playing, seed) !== null) certified++
  return certified
}
