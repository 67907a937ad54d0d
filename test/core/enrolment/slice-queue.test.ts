import t from 'tap'
import { MAX_OPEN_SLICES, SliceQueue } from '../../../src/core/enrolment/slice-queue.js'
import { FOLLOW_UP, SLICE_LEAST, SLICE_MOST } from './cohort-fixtures.js'

/** A queue whose slices of one unit begin and end at these times. */
function queueOf (...times: ReadonlyArray<readonly [begins: number, ends: number]>): SliceQueue {
  const queue = new SliceQueue()
  for (const [begins, ends] of times) {
    Object.assign(queue.newest(begins), { enrolled: 1, open: 1 })
    queue.endNewest(ends)
  }
  return queue
}

t.test('rule 4: a slice ends by its size, but not too early, or by its age', async (t) => {
  const queue = new SliceQueue()
  t.notOk(queue.isOver(1e9, FOLLOW_UP), 'there is none')
  const slice = queue.newest(0)
  t.equal(queue.newest(5), slice)
  slice.enrolled = 31
  t.notOk(queue.isOver(SLICE_MOST - 1, FOLLOW_UP))
  t.ok(queue.isOver(SLICE_MOST, FOLLOW_UP))
  slice.enrolled = 32
  t.notOk(queue.isOver(SLICE_LEAST - 1, FOLLOW_UP))
  t.ok(queue.isOver(SLICE_LEAST, FOLLOW_UP))
  queue.endNewest(7)
  t.notOk(queue.isOver(1e9, FOLLOW_UP), 'it has ended')
  t.equal(queue.newest(8).number, 1)
})

t.test('rule 4: final slices are taken in their order, each once', async (t) => {
  const queue = queueOf([0, 1], [1, 2], [2, 3])
  const [first, second, third] = queue.slices
  t.notOk(queue.hasFinal)
  second!.open = 0
  t.strictSame([queue.hasFinal, queue.takeFinal()], [false, []])
  first!.open = 0
  t.ok(queue.hasFinal)
  t.strictSame(queue.takeFinal(), [first, second])
  t.strictSame([queue.hasFinal, queue.slices], [false, [third]])
})

t.test('rule 4: of too many slices the neighbours that are shortest for their age merge, never the newest', async (t) => {
  const times = Array.from({ length: MAX_OPEN_SLICES + 1 }, (_, i) => [10 * i, 10 * i + 10] as const)
  times.splice(3, 2, [38, 40], [40, 41])
  const queue = queueOf(...times)
  const [before, after] = [queue.slices[3], queue.slices[4]]
  t.strictSame(queue.merge(FOLLOW_UP), [[before, after]])
  t.match(before, { begins: 38, ends: 41, enrolled: 2, open: 2 })
  t.equal(queue.slices.length, MAX_OPEN_SLICES)
  t.strictSame(queue.merge(FOLLOW_UP), [])

  const lasting = new SliceQueue()
  for (let i = 0; i < 200; i++) {
    lasting.newest(10 * i)
    lasting.endNewest(10 * i + 10)
    lasting.merge(FOLLOW_UP)
  }
  const durations = lasting.slices.map(({ begins, ends }) => ends! - begins)
  t.same(durations.toSorted((a, b) => b - a), durations, 'the older, the longer')
  t.same(durations.slice(-3), [10, 10, 10], 'the newest have not merged')
})
