import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { ServedDifference } from '../../../src/core/outcome/observed-stop.js'
import { MAX_QUEUED_STOPS, StopQueue } from '../../../src/core/guards/stop-queue.js'
import { holds } from '../../property.js'

const FOLLOW_UP = 100

const differencesOf = ({ settled }: ReturnType<StopQueue['take']>) => settled.flatMap(({ difference, unchanged }) => [difference, ...Array<0>(unchanged).fill(0)])

t.test('later generations wait behind a stop without a label, whatever order labels come in', async (t) => {
  const queue = new StopQueue()
  queue.add('a', 0)
  queue.addKnown('b', 10, 0)
  queue.add('c', 20)
  queue.addKnown('d', 30, -1)
  t.same(queue.take(50, FOLLOW_UP), { settled: [], unlabelled: [] })
  queue.settle('c', 0)
  t.notOk(queue.hasSettled(50, FOLLOW_UP), 'a is still open')
  queue.settle('a', 1)
  t.ok(queue.hasSettled(50, FOLLOW_UP))
  t.same(differencesOf(queue.take(50, FOLLOW_UP)), [1, 0, 0, -1])
  t.ok(queue.isEmpty)
})

t.test('a stop whose label does not come within a follow-up counts as lost', async (t) => {
  const queue = new StopQueue()
  queue.add('a', 0)
  queue.add('b', 100)
  t.notOk(queue.hasSettled(99, FOLLOW_UP))
  t.same(queue.take(100, FOLLOW_UP), { settled: [{ difference: 1, unchanged: 0 }], unlabelled: ['a'] })
  t.notOk(queue.has('a'))
  t.ok(queue.has('b'))
  t.same(queue.clear(), ['b'])
})

t.test('a shorter follow-up also ends the wait of stops that are queued', async (t) => {
  const queue = new StopQueue()
  queue.add('a', 0)
  t.notOk(queue.hasSettled(50, FOLLOW_UP))
  t.ok(queue.hasSettled(50, 40))
  t.same(queue.take(50, 40).unlabelled, ['a'])
})

t.test('beyond its limit the oldest stop is given up', async (t) => {
  const queue = new StopQueue()
  for (let i = 0; i <= MAX_QUEUED_STOPS; i++) queue.add(`g${i}`, 0)
  t.same(queue.take(0, FOLLOW_UP).unlabelled, ['g0'])
  t.notOk(queue.hasSettled(0, FOLLOW_UP))
})

t.test('every generation leaves the queue once and in order, and a stored queue goes on as it was', async (t) => {
  const event = fc.oneof(
    fc.record({ kind: fc.constant('stop' as const) }),
    fc.record({ kind: fc.constant('known' as const), difference: fc.constantFrom<ServedDifference>(-1, 0, 1) }),
    fc.record({ kind: fc.constant('label' as const), place: fc.nat(10), difference: fc.constantFrom<ServedDifference>(-1, 0, 1) })
  )
  holds(t, fc.property(fc.array(event, { maxLength: 40 }), (events) => {
    const followUp = 1000
    let queue = new StopQueue()
    const [expected, taken]: [Array<ServedDifference | null>, ServedDifference[]] = [[], []]
    const ids = new Map<string, number>()
    for (const [clock, one] of events.entries()) {
      if (one.kind === 'stop') {
        ids.set(`g${clock}`, expected.push(null) - 1)
        queue.add(`g${clock}`, clock)
      } else if (one.kind === 'known') {
        expected.push(one.difference)
        if (queue.isEmpty) taken.push(one.difference)
        else queue.addKnown(`g${clock}`, clock, one.difference)
      } else {
        const [id, place] = [...ids][one.place] ?? []
        if (id === undefined || place === undefined) continue
        ids.delete(id)
        expected[place] = one.difference
        queue.settle(id, one.difference)
      }
      taken.push(...differencesOf(queue.take(clock, followUp)))
      queue = new StopQueue(JSON.parse(JSON.stringify(queue.stops)))
    }
    taken.push(...differencesOf(queue.take(2000, followUp)))
    assert.deepEqual(taken, expected.map((difference) => difference ?? 1))
  }))
})
