import t from 'tap'
import { PendingOutcomes } from '../../../src/core/recording/pending.js'
import { pruneSteps } from '../../../src/core/recording/prune-steps.js'
import { LEAF, outcomeOf } from '../learn/memory-fold.js'

const pendingOf = (generation_id: string) =>
  ({ leaf: LEAF, key: LEAF, outcome: pruneSteps(outcomeOf({ generation_id }), { minTokens: [0], scorers: [], isSampled: false }) })

t.test('an outcome is kept until it is removed, and replaced where it has got a label', async (t) => {
  const pending = new PendingOutcomes()
  const [a, b] = [pendingOf('a'), pendingOf('b')]
  pending.set(a)
  pending.set(b)
  t.equal(pending.size, 2)
  t.equal(pending.get('a'), a)
  const labelled = { ...a, outcome: { ...a.outcome, full: { exact_match: 0 as const } } }
  pending.set(labelled)
  t.equal(pending.get('a'), labelled)
  pending.remove('a')
  t.strictSame([...pending.values()], [b])
  t.equal(pending.get('a'), undefined)
})

t.test('changes are what was set or removed since they were last taken', async (t) => {
  const stored = pendingOf('stored')
  const pending = new PendingOutcomes([stored])
  t.strictSame(pending.takeChanges(), new Map())
  const a = pendingOf('a')
  pending.set(a)
  pending.remove('stored')
  pending.remove('unknown')
  t.strictSame(pending.takeChanges(), new Map([['a', a], ['stored', undefined]]))
  t.strictSame(pending.takeChanges(), new Map())
})
