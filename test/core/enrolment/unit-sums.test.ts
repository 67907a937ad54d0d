import fc from 'fast-check'
import t from 'tap'
import { addSample, meanUnit } from '../../../src/core/enrolment/unit-sums.js'
import { holds } from '../../property.js'
import { mulberry32 } from '../../random.js'
import { unitWith } from './cohort-fixtures.js'

t.test('sums of samples add their tokens, labels and differences', async (t) => {
  const sums = addSample(addSample(undefined, unitWith(1, 0)), unitWith(1, -1))
  t.match(sums, { tokens: 200, em: 2, labelled: 2, eighths: [16, -8], stopped_tokens: [100, 100] })
})

t.test('rule 8: the difference of a group is the mean over its samples', async (t) => {
  const sums = [unitWith(1, 0), unitWith(0, 0)].reduce(addSample, undefined as never)
  t.strictSame(meanUnit(sums, 0, 2, 0.5, 2).eighths, [4, 0])
  t.strictSame(meanUnit(sums, 2, 4, 0.5, 2).eighths, [6, 4], 'two more that count as lost')
  t.match(meanUnit(undefined, 2, 2, 0.5, 2), { eighths: [8, 8], tokens: 0, labelled: 0 }, 'nothing is known of any')
  t.strictSame(meanUnit(unitWith(-1, 0), 0, 1, 0.3, 2).eighths, [-8, 0], 'one sample is not rounded')
})

t.test('rule 8: rounding to an eighth by hash keeps the mean; rounding up would not', async (t) => {
  const random = mulberry32(3)
  const third = [unitWith(1), unitWith(0), unitWith(0)].reduce(addSample, undefined as never)
  let [sum, up] = [0, 0]
  const groups = 20_000
  for (let i = 0; i < groups; i++) {
    sum += meanUnit(third, 0, 3, random(), 1).eighths[0]! / 8
    up += Math.ceil(8 / 3) / 8
  }
  t.ok(Math.abs(sum / groups - 1 / 3) < 0.002, `${sum / groups}`)
  t.ok(up / groups > 0.37)
})

t.test('a mean that is smaller never rounds to more, and samples that count as lost never make it smaller', async (t) => {
  const delta = fc.constantFrom<-1 | 0 | 1>(-1, 0, 1)
  const draw = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
  holds(t, fc.property(fc.array(delta, { minLength: 1, maxLength: 12 }), fc.nat(8), draw, (deltas, lost, u) => {
    const sums = deltas.map((d) => unitWith(d)).reduce(addSample, undefined as never)
    const [without] = meanUnit(sums, 0, deltas.length, u, 1).eighths
    const [with_] = meanUnit(sums, lost, deltas.length + lost, u, 1).eighths
    return with_! >= without! && without! >= -8 && with_! <= 8
  }), 1000)
})
