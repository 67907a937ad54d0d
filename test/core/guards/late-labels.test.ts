import t from 'tap'
import { addLate, areLabelsLate, type AwaitingUnits, type LateLabels, LATE_LABELS, watchLate } from '../../../src/core/guards/late-labels.js'
import { mulberry32 } from '../../random.js'

const A = 0.02
const [SAME, DIFFERS] = [[0, 0], [0, 8]]

/** Samples of which one in `each` differs at the looser of two thresholds. */
function samples (count: number, each: number, from?: LateLabels): LateLabels {
  let late = from ?? addLate(undefined, SAME)
  for (let i = from === undefined ? 1 : 0; i < count; i++) late = addLate(late, i % each === 0 ? DIFFERS : SAME)
  return late
}

/** Slices of 40 units, of which some differ and await their label. */
const slicesOf = (...differing: number[]): AwaitingUnits[] => differing.map((units) => [[1, units], [0, 40 - units]])

t.test('samples that came without a label are counted, and those that need one by threshold', async (t) => {
  t.same(addLate(undefined, SAME), { reported: 1, differing: [0, 0], detector: LATE_LABELS.start })
  t.match(samples(600, 20), { reported: 600, differing: [0, 29] })
})

t.test('older samples count half as much after 2,048 newer ones', async (t) => {
  t.match(samples(2048, 20), { reported: 1024, differing: [0, 51] })
})

t.test('a jump of the share that differs and awaits a label is suspected within a slice, a steady share is not', async (t) => {
  const late = samples(600, 20)
  const suspected = (slices: AwaitingUnits[], k = 1) => areLabelsLate(watchLate(late, slices, k, A))
  t.notOk(suspected(slicesOf(2, 2, 2, 2)))
  t.ok(suspected(slicesOf(2, 2, 8)))
  t.notOk(suspected(slicesOf(8, 0, 0)), 'the labels of the newer slices have come')
  t.notOk(areLabelsLate(undefined), 'labels come with outcomes')
})

t.test('a rise within max_em_drop is no suspicion', async (t) => {
  t.notOk(areLabelsLate(watchLate(samples(600, 20), slicesOf(4, 4, 4, 4, 4, 4), 1, 0.06)))
})

t.test('a suspicion lasts while the share stays high, and ends with the labels', async (t) => {
  const late = watchLate(samples(600, 20), slicesOf(6, 6), 1, A)
  t.ok(areLabelsLate(late))
  t.ok(areLabelsLate(watchLate(late, slicesOf(6, 5), 1, A), true))
  t.notOk(areLabelsLate(watchLate(late, slicesOf(0, 1), 1, A), true))
})

t.test('a jump that goes on without any loss becomes usual', async (t) => {
  const after = samples(6000, 7, samples(600, 20))
  t.notOk(areLabelsLate(watchLate(after, slicesOf(6, 6, 6, 6), 1, A)))
})

t.test('false suspicions are rare where a twentieth always differs', async (t) => {
  const random = mulberry32(1)
  let [late, suspicions, was] = [samples(600, 20), 0, false]
  const slices: Array<[number, number]> = []
  for (let n = 0; n < 10_000; n++) {
    if (n % 36 === 0) slices.push([0, 0])
    if (slices.length > 16) slices.shift() // their labels have come
    const differs = random() < 0.05 ? 1 : 0
    slices.at(-1)![differs]++
    late = watchLate(addLate(late, differs === 1 ? DIFFERS : SAME), slices.map(([same, other]) => [[0, same], [1, other]]), 1, A)
    const is = areLabelsLate(late, was)
    if (is && !was) suspicions++
    was = is
  }
  t.ok(suspicions <= 10, `${suspicions} suspicions`)
})
