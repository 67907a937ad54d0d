import t from 'tap'
import { SLOTS, SLOTS_OF_CONTEXT, traceSlot } from '../../../src/core/recording/trace-slot.js'

const ids = Array.from({ length: 20_000 }, (_, i) => `g${i}`)

t.test('every trace is taken at first, and later ever fewer of them', async (t) => {
  t.equal(ids.filter((id, i) => i < SLOTS_OF_CONTEXT && traceSlot(id, i, 1) === null).length, 0)
  const taken = (from: number, to: number) =>
    ids.filter((id, i) => i >= from && i < to && traceSlot(id, i, 1) !== null).length / (to - from)
  t.ok(Math.abs(taken(900, 1100) - 0.256) < 0.1)
  t.ok(Math.abs(taken(10_000, 20_000) - 1 / 16) < 0.01, 'never fewer than a sixteenth')
})

t.test('what is not taken now is not taken later', async (t) => {
  for (const id of ids.slice(0, 500)) if (traceSlot(id, 1000, 1) === null) t.equal(traceSlot(id, 2000, 1), null)
})

t.test('slots are used evenly, and shared out among many contexts', async (t) => {
  const used = (contexts: number) => new Set(ids.map((id) => traceSlot(id, 0, contexts)))
  t.equal(used(1).size, SLOTS_OF_CONTEXT)
  t.equal(used(SLOTS).size, 1)
  t.equal(used(10 * SLOTS).size, 1, 'each context has one')
  t.equal(used(SLOTS / 16).size, 16)
})
