import t from 'tap'
import { SliceQueue } from '../../../src/core/evidence/slice-queue.js'
import { FOLLOW_UP, SLICE_LEAST, SLICE_MOST } from './cohort-fixtures.js'

/** A queue whose slices of one unit begin and end at these times. */
function queueOf (...times: ReadonlyArray<readonly [begins: number, ends: number]>): SliceQueue {
  const queue = new SliceQueue()
  for (const [begins, ends] of times) {
    Object.assign(queue.newest(begins, 0), { enrolled: 1, open: 1 })
    queue.endNewest(ends)
  }
  return queue
}

t.test('E3: a slice ends by its size, but not too early, or by its age', async (t) => {
  const queue = new SliceQueue()
  t.notOk(queue.isOver(1e9, FOLLOW_UP), 'there is none')
  const slice = queue.newest(0, 0)
  t.equal(queue.newest(5, 0), slice)
  slice.enrolled = 31
  t.notOk(queue.isOver(SLICE_MOST - 1, FOLLOW_UP))
  t.ok(queue.isOver(SLICE_MOST, FOLLOW_UP))
  slice.enrolled = 32
  t.notOk(queue.isOver(SLICE_LEAST - 1, FOLLOW_UP))
  t.ok(queue.isOver(SLICE_LEAST, FOLLOW_UP))
  t.strictSame([299_999, 300_000].map((clock) => queue.isOver(clock, 86_400_000)), [false, true], 'five minutes')
  queue.endNewest(7)
  t.notOk(queue.isOver(1e9, FOLLOW_UP), 'it has ended')
  t.equal(queue.newest(8, 0).number, 1)
})

t.test('E3: final slices are taken in their order, each once', async (t) => {
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
