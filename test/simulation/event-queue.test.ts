import t from 'tap'
import { mulberry32 } from '../random.js'
import { EventQueue } from './event-queue.js'

t.test('the earliest action runs first, even if it is added during the run', async (t) => {
  const random = mulberry32(1)
  const queue = new EventQueue()
  const done: number[] = []
  for (let i = 0; i < 500; i++) {
    queue.add(random(), (at) => {
      done.push(at)
      if (i % 3 === 0) queue.add(at + random(), (later) => { done.push(later) })
    })
  }
  queue.run()
  t.equal(done.length, 500 + 167)
  t.strictSame(done, [...done].sort((a, b) => a - b))
})

t.test('actions of the same time run in the order in which they were added', async (t) => {
  const queue = new EventQueue()
  const done: number[] = []
  for (let i = 0; i < 20; i++) queue.add(1, () => { done.push(i) })
  queue.run()
  t.strictSame(done, Array.from({ length: 20 }, (_, i) => i))
})

t.test('no action runs after the end', async (t) => {
  const queue = new EventQueue()
  const done: number[] = []
  for (const at of [3, 1, 2]) queue.add(at, (now) => { done.push(now) })
  queue.run(() => done.length === 2)
  t.strictSame(done, [1, 2])
})
