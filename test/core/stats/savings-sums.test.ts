import fc from 'fast-check'
import t from 'tap'
import {
  addSums, countControl, countLoss, countReported, dayOf, figuresOfSums, fromNumbers, NO_SUMS, type SavingsSums, startOfDay, sumsOn,
  toNumbers,
} from '../../../src/core/stats/savings-sums.js'
import { estimateSavings, NO_SAVINGS } from '../../../src/core/stats/savings.js'
import { holds } from '../../property.js'

const isClose = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a), Math.abs(b))
const areClose = (a: SavingsSums, b: SavingsSums) => toNumbers(a).every((value, i) => isClose(value, toNumbers(b)[i]!))

const tokens = fc.integer({ min: 0, max: 5000 })
/** A generation of a day: a treated one, or a control one with its loss. */
const generation = fc.record({
  day: fc.integer({ min: 0, max: 3 }),
  tokens,
  probes: fc.integer({ min: 0, max: 50 }),
  isControl: fc.boolean(),
  loss: fc.constantFrom(null, -1, 0, 0, 0, 0.5, 1),
  share: fc.constantFrom(0.02, 0.2, 0.5),
  enrolled: fc.constantFrom(1, 0.25),
})
type Generation = typeof generation extends fc.Arbitrary<infer T> ? T : never

function count (sums: SavingsSums, { tokens, probes, isControl, ...rest }: Generation): SavingsSums {
  const { day: _, ...reported } = countReported({ day: 0, ...sums }, { tokens, probes }, isControl ? undefined : Math.floor(tokens / 3))
  if (!isControl) return reported
  const { day: __, ...counted } = countControl({ day: 0, ...reported }, { tokens, ...rest })
  return counted
}

t.test('the sums of days add up to those of the whole, and so do the figures of any range', async (t) => {
  holds(t, fc.property(fc.array(generation, { maxLength: 60 }), (all) => {
    const days = [0, 1, 2, 3].map((day) => all.filter((one) => one.day === day).reduce(count, NO_SUMS))
    const stored = days.map((sums) => { const numbers = toNumbers(sums); return fromNumbers((i) => numbers[i]!) })
    const whole = all.reduce(count, NO_SUMS)
    const [sum, figures] = [stored.reduce(addSums, NO_SUMS), figuresOfSums(whole)]
    if (!areClose(sum, whole)) return false
    const { saved, lost, ...rest } = figuresOfSums(sum)
    const isSame = (a: typeof saved, b: typeof saved) =>
      a === null || b === null ? a === b : isClose(a.estimate, b.estimate) && isClose(a.low, b.low) && isClose(a.high, b.high)
    return rest.generations === all.length && isSame(saved, figures.saved) && isSame(lost, figures.lost)
  }))
})

t.test('savings are net of probes, and the interval is that of the summed sums', async (t) => {
  let sums: SavingsSums = NO_SUMS
  for (let i = 0; i < 8; i++) sums = count(sums, { day: 0, tokens: 90, probes: 5, isControl: false, loss: null, share: 0.5, enrolled: 1 })
  for (let i = 0; i < 8; i++) sums = count(sums, { day: 0, tokens: 100, probes: 5, isControl: true, loss: 0, share: 0.5, enrolled: 1 })
  const gross = estimateSavings(sums.saved)!
  const { generations, tokens, saved } = figuresOfSums(sums)
  t.same([generations, tokens], [16, 8 * 95 + 8 * 105])
  t.same(saved, { estimate: 8 * 100 - 8 * 30 - 80, low: gross.low - 80, high: gross.high - 80 })
  t.equal(figuresOfSums({ ...sums, saved: { ...sums.saved, control: NO_SAVINGS.control } }).saved, null, 'too few control generations')
})

t.test('a loss whose label came late counts as if it had been known at once', async (t) => {
  const sample = { tokens: 10, loss: 1, share: 0.2, enrolled: 0.5 }
  const late = countControl(sumsOn(3, null), { ...sample, loss: null })
  t.same(late.lost.samples, 0)
  t.same(countLoss(late, sample, { samples: 1, tokens: 10, known: 0 }), countControl(sumsOn(3, null), sample))
})

t.test('sums begin with their day (UTC)', async (t) => {
  const today = countReported(sumsOn(3, null), { tokens: 5, probes: 0 }, undefined)
  t.equal(sumsOn(3, today), today)
  t.same(sumsOn(4, today), { day: 4, ...NO_SUMS })
  t.same([dayOf(startOfDay(7)), dayOf(startOfDay(7) - 1)], [7, 6])
})

t.test('the part of the control samples whose loss is unknown is that of the treated generations that are unlabelled', async (t) => {
  const { treated, control } = NO_SAVINGS
  const unlabelled = (samples: number, known: number) => figuresOfSums({
    ...NO_SUMS,
    saved: { treated: { ...treated, generations: 100 }, control: { ...control, samples } },
    lost: { ...NO_SUMS.lost, samples: known },
  }).unlabelled
  t.equal(unlabelled(8, 6), 25)
  t.equal(unlabelled(8, 8), 0)
  t.equal(unlabelled(8, 9), 0)
  t.equal(unlabelled(0, 0), null)
})
