import t from 'tap'
import { PENDING_LIMIT, PendingOutcomes, type Arrival } from '../../src/core/pending.js'
import { LEAF, outcomeOf } from './memory-fold.js'

const arrival = (generation_id: string, time = 0, overrides: Partial<Arrival> = {}): Arrival =>
  ({ outcome: outcomeOf({ generation_id }), leaf: LEAF, time, arm: 'control', comparedAt: null, isOfAnotherShare: false, ...overrides })

t.test('control outcomes of a leaf queue in the order of arrival; treated ones do not', async (t) => {
  const pending = new PendingOutcomes()
  pending.add(arrival('treated', 0, { arm: 'treated' }), false)
  t.equal(pending.headOf(LEAF), undefined)
  for (const id of ['a', 'b']) pending.add(arrival(id), false)
  pending.add(arrival('other', 0, { leaf: 'x' }), false)
  t.equal(pending.headOf(LEAF)!.outcome.generation_id, 'a')
  pending.remove(pending.headOf(LEAF)!)
  t.equal(pending.headOf(LEAF)!.outcome.generation_id, 'b')
  pending.replace({ ...pending.get('b')!, isSettled: true })
  t.equal(pending.headOf(LEAF)!.isSettled, true)
  t.equal(pending.size, 3)
})

t.test('what changed is taken once', async (t) => {
  const pending = new PendingOutcomes()
  pending.add(arrival('a'), false)
  pending.add(arrival('b'), false)
  pending.remove(pending.get('a')!)
  const changes = pending.takeChanges()
  t.strictSame([...changes.keys()].sort(), ['a', 'b'])
  t.equal(changes.get('a'), undefined)
  t.equal(pending.takeChanges().size, 0)
})

t.test('comes back from the store in the order of arrival, whatever order the store has', async (t) => {
  const pending = new PendingOutcomes()
  for (const id of ['a', 'b', 'c']) pending.add(arrival(id), false)
  const again = new PendingOutcomes([...pending.takeChanges().values()].map((item) => JSON.parse(JSON.stringify(item))).reverse())
  t.equal(again.headOf(LEAF)!.outcome.generation_id, 'a')
  again.add(arrival('d'), false)
  t.equal(again.get('d')!.number, 3, 'numbers go on')
})

t.test('the oldest is overdue by its time, or when more of its arm wait than may', async (t) => {
  const pending = new PendingOutcomes()
  for (let i = 0; i < PENDING_LIMIT; i++) pending.add(arrival(`c${i}`, 100 + i), false)
  pending.add(arrival('treated', 90_000, { arm: 'treated' }), false)
  t.equal(pending.overdue(99), undefined)
  t.equal(pending.overdue(100)!.outcome.generation_id, 'c0')
  pending.add(arrival('one too many', 90_000), false)
  t.equal(pending.overdue(0)!.outcome.generation_id, 'c0')
  pending.remove(pending.get('c0')!)
  t.equal(pending.overdue(0), undefined)
})
