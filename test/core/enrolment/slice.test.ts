import t from 'tap'
import { noEvidence } from '../../../src/core/certificate/evidence.js'
import { differenceSumFrom, noDifferences } from '../../../src/core/certificate/difference-sums.js'
import { addUnit, sumFrom } from '../../../src/core/certificate/evidence-sum.js'
import { mergeSlices, addSliceCounts, isFinal, newSlice } from '../../../src/core/enrolment/slice.js'
import { unitWith } from './cohort-fixtures.js'

t.test('rule 4: a slice is final when it has ended and every unit in it is accounted for', async (t) => {
  const slice = newSlice(0, 0)
  t.notOk(isFinal(slice), 'it has not ended')
  slice.ends = 10
  slice.open = 1
  t.notOk(isFinal(slice))
  slice.open = 0
  t.ok(isFinal(slice))
})

t.test('merging two slices keeps every sum', async (t) => {
  const counts = { accounted: 1, missing: 0.5, cancelled: 0.25 }
  const of = (number: number, delta: 0 | 1) => Object.assign(newSlice(number, number), {
    ends: number + 1,
    enrolled: 3,
    open: 1,
    counts,
    evidence: sumFrom(addUnit(noEvidence(1), unitWith(delta))),
    differences: differenceSumFrom({ ...noDifferences(1), generations: 1, lost: [delta] }),
  })
  const first = of(7, 0)
  mergeSlices(first, of(8, 1))
  t.match(first, { number: 7, begins: 7, ends: 9, enrolled: 6, open: 2, counts: addSliceCounts(counts, counts) })
  t.match(first.evidence, { generations: 2, lost: [1] })
  t.match(first.differences, { generations: 2, lost: [1] })
  t.equal(first.watched, null)
})
