import t from 'tap'
import type { ContextState } from '../../../src/core/context-state.js'
import { describeContext } from '../../../src/core/describe.js'
import { adviceOf } from '../../../src/core/training/advice.js'
import { FIRST, KEPT, LEAF, memoryFold, type MemoryFold } from '../memory-fold.js'

const opening = { key: 'model=q', step: 20, at: 500 }
const checkpoint = (step: number, run = 'r') => ({ type: 'checkpoint', key: 'model=q', run, step, by: 'trainer' }) as const

function seenIn (fold: MemoryFold): { state: ContextState, view: ReturnType<typeof describeContext> } {
  const { levels, defaults } = fold.ledger.configuration
  const { policies, pins } = fold.ledger
  const known = { levels, defaults, policies, pins, predictors: fold.predictors, states: fold.states }
  return { state: fold.state(), view: describeContext(known, LEAF, 1e6) }
}

t.test('early, with little evidence: run in full; certified by its own: stop early', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  fold.learn(checkpoint(20), 1000)
  t.match(adviceOf('r', opening, LEAF, seenIn(fold)), {
    advice: 'run_in_full', reason: 'little_evidence', threshold: null, generations: 0, generations_to_next_certificate: FIRST, epoch: 2, expected: { step: null, tokens_saved_ratio: 0.6 },
  })
  fold.learn(KEPT, 2000, FIRST)
  t.match(adviceOf('r', opening, LEAF, seenIn(fold)), { advice: 'stop_early', reason: 'certified', threshold: Number, tokens_saved_ratio: 0.6, em_drop: 0, generations: FIRST })
})

t.test('what was learned of another checkpoint is not this one\'s', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT)
  fold.learn(checkpoint(10), 400)
  fold.learn(KEPT, 450, FIRST)
  t.match(adviceOf('r', opening, LEAF, seenIn(fold)), { advice: 'run_in_full', reason: 'not_started', threshold: null, epoch: null }, 'the learner has not come to it')
  fold.learn(checkpoint(1, 'other'), 600)
  fold.learn(KEPT, 700, FIRST)
  t.match(adviceOf('r', opening, LEAF, seenIn(fold)), { advice: 'run_in_full', reason: 'superseded', threshold: null })
  t.match(adviceOf('r', opening, LEAF), { advice: 'run_in_full', reason: 'not_started' })
})

t.test('a context that came up after the checkpoint is its own', async (t) => {
  for (const [time, advice] of [[499, 'run_in_full'], [500, 'stop_early']] as const) {
    const fold = memoryFold()
    fold.learn(KEPT, time, FIRST)
    t.match(adviceOf('r', opening, LEAF, seenIn(fold)), { advice })
  }
})

t.test('a pin is no evidence', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 600)
  fold.learn({ type: 'pin', key: LEAF, pin: { threshold: 0.5, reason: 'x', by: 'ops', expires_at: null }, by: 'ops', reason: 'x' }, 700)
  t.match(adviceOf('r', opening, LEAF, seenIn(fold)), { advice: 'run_in_full', reason: 'little_evidence' })
})
