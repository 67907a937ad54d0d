import t from 'tap'
import { evidenceOf } from '../../../src/core/judgement/context-state.js'
import { learnArrival } from '../../../src/core/learn/learn-arrival.js'
import { KEPT, LEAF, LOST, memoryFold } from './memory-fold.js'

// The rules of evidence themselves are in learn-outcome.test.ts and rules.test.ts, which learn whole outcomes.

t.test('the epoch is judged by when the outcome arrived, silence by when it counts', async (t) => {
  const fold = memoryFold({ settle_seconds: 5 })
  fold.learn(KEPT, 0)
  const arrival = { outcome: LOST, leaf: LEAF, arm: 'control', comparedAt: null, isOfAnotherShare: false } as const
  learnArrival(fold, 60_000, { ...arrival, time: 4999 })
  t.match(fold.state(), { unsettled: 2, labelled: 0 })
  learnArrival(fold, 60_000, { ...arrival, time: 5000 })
  t.match(fold.state(), { unsettled: 2, labelled: 1, last_evidence_at: 60_000 })
  t.equal(evidenceOf(fold.state()).lost[0], 1)
})

t.test('a context that is gone is passed over', async (t) => {
  const fold = memoryFold()
  learnArrival(fold, 0, { outcome: KEPT, leaf: LEAF, time: 0, arm: 'control', comparedAt: null, isOfAnotherShare: false })
  t.equal(fold.states.size, 0)
})
