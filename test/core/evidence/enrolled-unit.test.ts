import fc from 'fast-check'
import t from 'tap'
import {
  addLabel, addReport, addSample, isComplete, meanUnit, newEnrolledUnit, type SampleReport, samplesOf, evidenceUnitOfEnrolled,
} from '../../../src/core/evidence/enrolled-unit.js'
import { newSlice } from '../../../src/core/evidence/slice.js'
import { holds } from '../../property.js'
import { mulberry32 } from '../../random.js'
import { KEPT, LOST, unitWith } from './cohort-fixtures.js'

function memberOf (samples: number | null, ...reports: SampleReport[]) {
  const member = newEnrolledUnit({ hash: 0, u: 0.3, share: 1, at: 0, slice: newSlice(0, 0, 0) })
  member.samples = samples
  for (const report of reports) addReport(member, report)
  return member
}

const awaits = (generation_id: string): SampleReport => ({ kind: 'awaits_label', generation_id })

t.test('E7: a group is accounted for when all of its samples are', async (t) => {
  t.notOk(isComplete(memberOf(2, KEPT)))
  t.ok(isComplete(memberOf(2, KEPT, KEPT)))
  t.notOk(isComplete(memberOf(null, KEPT)), 'its number of samples is not known')
  t.notOk(isComplete(memberOf(2, KEPT, awaits('a'))), 'a label is to come')
  t.ok(isComplete(memberOf(1, KEPT, KEPT)), 'more reports than samples')
})

t.test('E7: the samples that are not reported count as lost in the mean', async (t) => {
  t.strictSame(evidenceUnitOfEnrolled(memberOf(2, KEPT), 2, 1)!.eighths, [4, 4])
  t.strictSame(evidenceUnitOfEnrolled(memberOf(4, KEPT, KEPT, LOST), 2, 1)!.eighths, [4, 4])
})

t.test('a sample that awaits its label is one of the samples that the mean is over', async (t) => {
  t.strictSame(evidenceUnitOfEnrolled(memberOf(2, KEPT, awaits('a')), 2, 1)!.eighths, [4, 4])
})

t.test('more reports than samples are all in the mean', async (t) => {
  const member = memberOf(2, LOST, KEPT, KEPT, KEPT)
  t.equal(samplesOf(member), 4)
  t.strictSame(evidenceUnitOfEnrolled(member, 2)!.eighths, [2, 2])
})

t.test('E5: cancelled samples are left out, and a member of cancelled samples alone is no unit', async (t) => {
  const cancelled = { kind: 'cancelled' } as const
  t.strictSame(evidenceUnitOfEnrolled(memberOf(2, LOST, cancelled), 2)!.eighths, [8, 8])
  t.equal(evidenceUnitOfEnrolled(memberOf(1, cancelled), 2), null)
})

t.test('E5: a missing outcome counts as lost', async (t) => {
  t.strictSame(evidenceUnitOfEnrolled(memberOf(2, KEPT, { kind: 'missing' }), 2)!.eighths, [4, 4])
})

t.test('a label ends the wait of its sample alone', async (t) => {
  const member = memberOf(2, awaits('a'), awaits('b'))
  addLabel(member, 'a', unitWith(1, 0))
  t.strictSame(member.waiting, ['b'])
  addLabel(member, 'b', unitWith(0, 0))
  t.ok(isComplete(member))
  t.strictSame(evidenceUnitOfEnrolled(member, 2)!.eighths, [4, 0])
})

t.test('sums of samples add their tokens, labels and differences', async (t) => {
  const sums = addSample(addSample(null, unitWith(1, 0)), unitWith(1, -1))
  t.match(sums, { tokens: 200, em: 2, labelled: 2, eighths: [16, -8], stopped_tokens: [100, 100] })
})

t.test('E7: the difference of a group is the mean over its samples', async (t) => {
  const sums = [unitWith(1, 0), unitWith(0, 0)].reduce(addSample, null as never)
  t.strictSame(meanUnit(sums, 0, 2, 0.5, 2).eighths, [4, 0])
  t.strictSame(meanUnit(sums, 2, 4, 0.5, 2).eighths, [6, 4], 'two more that count as lost')
  t.match(meanUnit(null, 2, 2, 0.5, 2), { eighths: [8, 8], tokens: 0, labelled: 0 }, 'nothing is known of any')
  t.strictSame(meanUnit(unitWith(-1, 0), 0, 1, 0.3, 2).eighths, [-8, 0], 'one sample is not rounded')
})

t.test('E7: rounding to an eighth by hash keeps the mean; rounding up would not', async (t) => {
  const random = mulberry32(3)
  const third = [unitWith(1), unitWith(0), unitWith(0)].reduce(addSample, null as never)
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
    const sums = deltas.map((d) => unitWith(d)).reduce(addSample, null as never)
    const [without] = meanUnit(sums, 0, deltas.length, u, 1).eighths
    const [with_] = meanUnit(sums, lost, deltas.length + lost, u, 1).eighths
    return with_! >= without! && without! >= -8 && with_! <= 8
  }), 1000)
})
