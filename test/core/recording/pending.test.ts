import t from 'tap'
import { PENDING_LIMIT, PENDING_LIMIT_OF_LEAF, PendingOutcomes, type Arrival } from '../../../src/core/recording/pending.js'
import { pruneSteps } from '../../../src/core/recording/prune-steps.js'
import { LEAF, outcomeOf } from '../learn/memory-fold.js'

const arrival = (generation_id: string, time = 0, overrides: Partial<Arrival> = {}) =>
  ({ leaf: LEAF, time, arm: 'control' as const, comparedAt: null, isOfAnotherShare: false, ...overrides, outcome: pruneSteps(outcomeOf({ generation_id }), { minTokens: [0], scorers: [], isSampled: false }) })

t.test('outcomes of one arm of a leaf queue in the order of arrival', async (t) => {
  const pending = new PendingOutcomes()
  pending.add(arrival('treated', 0, { arm: 'treated' }), false)
  t.equal(pending.headOf(LEAF, 'control'), undefined)
  for (const id of ['a', 'b']) pending.add(arrival(id), false)
  pending.add(arrival('other', 0, { leaf: 'x' }), false)
  t.equal(pending.headOf(LEAF, 'control')!.outcome.generation_id, 'a')
  t.equal(pending.headOf(LEAF, 'treated')!.outcome.generation_id, 'treated')
  pending.remove(pending.headOf(LEAF, 'control')!)
  t.equal(pending.headOf(LEAF, 'control')!.outcome.generation_id, 'b')
  pending.replace({ ...pending.get('b')!, isSettled: true })
  t.equal(pending.headOf(LEAF, 'control')!.isSettled, true)
  t.equal(pending.size, 3)
})

t.test('changes are taken once', async (t) => {
  const pending = new PendingOutcomes()
  pending.add(arrival('a'), false)
  pending.add(arrival('b'), false)
  pending.remove(pending.get('a')!)
  const changes = pending.takeChanges()
  t.strictSame([...changes.keys()].sort(), ['a', 'b'])
  t.equal(changes.get('a'), undefined)
  t.equal(pending.takeChanges().size, 0)
})

t.test('outcomes are restored in the order of arrival', async (t) => {
  const pending = new PendingOutcomes()
  for (const id of ['a', 'b', 'c']) pending.add(arrival(id), false)
  const again = new PendingOutcomes([...pending.takeChanges().values()].map((item) => JSON.parse(JSON.stringify(item))).reverse())
  t.equal(again.headOf(LEAF, 'control')!.outcome.generation_id, 'a')
  again.add(arrival('d'), false)
  t.equal(again.get('d')!.number, 3, 'numbers go on')
})

t.test('the oldest outcome becomes overdue', async (t) => {
  const pending = new PendingOutcomes()
  pending.add(arrival('a', 100), false)
  pending.add(arrival('b', 101, { arm: 'treated' }), false)
  t.equal(pending.overdue(99), undefined)
  t.equal(pending.overdue(100)!.outcome.generation_id, 'a')
})

t.test('room is limited for each arm and for each leaf', async (t) => {
  const pending = new PendingOutcomes()
  for (let i = 0; i < PENDING_LIMIT_OF_LEAF; i++) pending.add(arrival(`a${i}`), false)
  t.ok(pending.isFull(LEAF, 'control'))
  t.notOk(pending.isFull(LEAF, 'treated'))
  t.notOk(pending.isFull('another', 'control'))
  for (let i = PENDING_LIMIT_OF_LEAF; i < PENDING_LIMIT; i++) pending.add(arrival(`b${i}`, 0, { leaf: `leaf ${i % 100}` }), false)
  t.ok(pending.isFull('another', 'control'))
  pending.remove(pending.get('a0')!)
  t.notOk(pending.isFull('another', 'control'))
})
