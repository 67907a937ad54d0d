import fc from 'fast-check'
import type { Differences } from '../../../src/core/stats/certificate.js'
import { mergeEvidence } from '../../../src/core/stats/evidence-sum.js'
import { type Evidence, noEvidence } from '../../../src/core/stats/evidence.js'
import { prefixesAt } from '../../../src/core/stats/prefixes.js'
import type { CohortRules } from '../../../src/core/evidence/accounting.js'
import { Cohort } from '../../../src/core/evidence/cohort.js'
import { addSliceCounts, newSlice, type SliceCounts } from '../../../src/core/evidence/slice.js'
import { draws, entryOf, EPOCH, FOLLOW_UP, known, restored, rulesWith, unitWith } from './cohort-fixtures.js'

type Delta = -1 | 0 | 1

/** An event of a cohort, `wait` ms after the previous one. `of`: the unit that it concerns, in the order of enrolment. */
export type Event = { readonly wait: number } & (
  | { readonly kind: 'enrol', readonly count: number }
  | { readonly kind: 'report', readonly of: number, readonly what: 'known' | 'awaits_label' | 'missing' | 'cancelled', readonly deltas: readonly [Delta, Delta] }
  | { readonly kind: 'label', readonly of: number, readonly deltas: readonly [Delta, Delta] }
)

const delta = fc.constantFrom<Delta>(0, 0, 0, 1, -1)
const deltas = fc.tuple(delta, delta)
const wait = fc.constantFrom(0, 0, 1, 1000, FOLLOW_UP / 64, FOLLOW_UP / 20, FOLLOW_UP / 8)
const of = fc.nat(10_000)

const event: fc.Arbitrary<Event> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ wait, kind: fc.constant('enrol' as const), count: fc.integer({ min: 1, max: 40 }) }) },
  { weight: 30, arbitrary: fc.record({ wait, kind: fc.constant('report' as const), of, what: fc.constantFrom('known', 'known', 'known', 'awaits_label', 'missing', 'cancelled'), deltas }) },
  { weight: 6, arbitrary: fc.record({ wait, kind: fc.constant('label' as const), of, deltas }) }
)

export const events: fc.Arbitrary<readonly Event[]> = fc.array(event, { minLength: 20, maxLength: 150, size: 'max' })

/** A label can only improve on the worst case, which is a loss at the second threshold. */
const WORST = unitWith(0, 1)

export const rules: CohortRules = rulesWith({ worstUnit: () => WORST })

const SHARE = 0.7
const samplesOf = (u: number): number => [1, 1, 2, 4][Math.floor(u * 1000) % 4]!

/** An event with the unit that it concerns, at its time on the clock. */
interface Timed { readonly clock: number, readonly event: Event, readonly u: number | null, readonly id: string }

export function timed (all: readonly Event[]): Timed[] {
  let [clock, enrolled] = [0, 0]
  return all.map((event, i) => {
    clock += event.wait
    if (event.kind === 'enrol') enrolled += event.count
    const u = 'of' in event && enrolled > 0 ? draws(1, event.of % enrolled)[0]! : null
    return { clock, event, u, id: `g${i}` }
  })
}

/** The events without reports of more samples than a unit has. */
export function ofStatedSamples (all: readonly Timed[]): Timed[] {
  const reported = new Map<number, number>()
  return all.filter(({ event, u }) => {
    if (event.kind !== 'report' || u === null) return true
    reported.set(u, (reported.get(u) ?? 0) + 1)
    return reported.get(u)! <= samplesOf(u)
  })
}

export interface Totals { readonly evidence: Evidence, readonly counts: SliceCounts }

export const NO_TOTALS: Totals = { evidence: noEvidence(2), counts: newSlice(0, 0, 0).counts }

export function addTotals (a: Totals, b: Totals): Totals {
  return { evidence: mergeEvidence(a.evidence, b.evidence), counts: addSliceCounts(a.counts, b.counts) }
}

/** Plays events into a cohort and sums up its slices as the learner does. */
export class Player {
  cohort = new Cohort(EPOCH)
  totals = NO_TOTALS
  /** Number of the slice that each control unit was enrolled in. */
  readonly sliceOf = new Map<number, number>()
  enrolled = 0
  #waiting = new Map<number, string[]>()
  readonly rules: CohortRules

  constructor (rules: CohortRules) { this.rules = rules }

  play ({ clock, event, u, id }: Timed): void {
    this.advance(clock)
    const { cohort, rules } = this
    const member = u === null ? undefined : cohort.members.get(u)
    if (event.kind === 'enrol') this.enrol(draws(event.count, this.enrolled), clock)
    else if (member === undefined) return
    else if (event.kind === 'report') {
      const report = event.what === 'known'
        ? known(...event.deltas)
        : event.what === 'awaits_label' ? { kind: event.what, generation_id: id } : { kind: event.what }
      if (report.kind === 'awaits_label') this.#waiting.set(member.u, [...this.#waiting.get(member.u) ?? [], id])
      cohort.report(member, report, samplesOf(member.u), clock, rules)
    } else {
      const waiting = member.waiting.at(0)
      if (waiting === undefined) return
      const unit = unitWith(Math.min(0, event.deltas[0]) as Delta, event.deltas[1])
      cohort.label(member, { generation_id: waiting, unit }, clock, rules)
    }
    this.take()
  }

  enrol (us: readonly number[], clock: number): void {
    for (const { u, slice } of this.cohort.enrol(entryOf(us, { share: SHARE }), clock, this.rules)) this.sliceOf.set(u, slice.number)
    this.enrolled += us.length
  }

  advance (clock: number): void {
    this.cohort.advance(clock, this.rules)
    this.take()
  }

  take (): void {
    for (const { evidence, counts } of this.cohort.takeFinal()) {
      this.totals = addTotals(this.totals, { evidence: evidence ?? noEvidence(2), counts })
    }
  }

  /** The differences of every prefix at both thresholds, with the control units that it is of. */
  prefixes (): Array<{ readonly differences: readonly [Differences, Differences], readonly units: readonly number[] }> {
    const { cohort, totals, rules } = this
    const open = cohort.slices
    const more = cohort.openEvidence(rules)
    const [first, second] = [0, 1].map((k) => prefixesAt(totals.evidence, more, k))
    return first!.map((differences, i) => {
      const end = open[i]?.number ?? Infinity
      return { differences: [differences, second![i]!], units: [...this.sliceOf].filter(([, number]) => number < end).map(([u]) => u) }
    })
  }

  /** As a learner that was restarted. */
  restart (): void { this.cohort = restored(this.cohort) }
}

/** The fate of each unit with its own events alone, in a separate cohort. */
export function aloneOf (all: readonly Timed[], rules: CohortRules): Map<number, Totals> {
  const alone = new Map<number, Totals>()
  const end = all.at(-1)!.clock + 3 * FOLLOW_UP
  let enrolled = 0
  for (const [i, { clock, event }] of all.entries()) {
    if (event.kind !== 'enrol') continue
    for (const u of draws(event.count, enrolled)) {
      const player = new Player(rules)
      player.enrol([u], clock)
      for (const later of all.slice(i + 1)) if (later.u === u) player.play(later)
      player.advance(end)
      player.advance(end + FOLLOW_UP)
      alone.set(u, player.totals)
    }
    enrolled += event.count
  }
  return alone
}
