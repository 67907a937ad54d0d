import t from 'tap'
import { evidenceOf } from '../../../src/core/judgement/context-state.js'
import { CHAIN, FIRST, KEPT, LEAF, memoryFold, outcomeOf } from './memory-fold.js'
import { PREDICTOR } from '../decide/snapshot-of.js'
import { addPredictor } from './trial-fold.js'

const checkpoint = (step: number, key = 'model=q') => ({ type: 'checkpoint', key, run: 'r', step, by: 'trainer' }) as const

t.test('a checkpoint opens an epoch in its context and below, and nowhere else; the history has it', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  fold.learn(outcomeOf({ context: { model: 'q', task: 'other' } }), 0, FIRST)
  fold.learn(outcomeOf({ context: { model: 'q2', task: 'gsm8k' } }), 0, FIRST)
  fold.changes.length = 0
  fold.learn(checkpoint(7), 1000)
  for (const key of ['model=q', LEAF, 'model=q,task=other']) {
    t.match(fold.state(key), { epoch: 2, epoch_cause: 'checkpoint', threshold_index: -1, control_share: 1, checkpoint: { run: 'r', step: 7 } }, key)
    t.equal(evidenceOf(fold.state(key)).generations, 0)
  }
  for (const key of ['*', 'model=q2', 'model=q2,task=gsm8k']) t.match(fold.state(key), { epoch: 1, checkpoint: undefined }, key)
  t.equal(fold.state('model=q2,task=gsm8k').threshold_index, 29)
  t.same(fold.changes.map(({ key }) => key), ['model=q', LEAF, 'model=q,task=other'])
  t.match(fold.changes[1], { cause: 'checkpoint', epoch: 2, before: Number, after: null, by: 'trainer', reason: 'step 7 of run r' })
})

t.test('the certificate of the previous checkpoint is kept as an expectation and affects no decision', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  fold.learn(checkpoint(1), 1000)
  t.match(fold.state().checkpoint, { step: 1, expected: { run: null, step: null, tokens_saved_ratio: 0.6, em_drop: 0, threshold: Number } })
  fold.learn(checkpoint(2), 2000)
  t.match(fold.state(), { threshold_index: -1, guarantee: null, checkpoint: { step: 2, expected: { tokens_saved_ratio: 0.6 } } })
  fold.learn(KEPT, 3000, FIRST)
  fold.learn(checkpoint(3), 4000)
  t.match(fold.state().checkpoint, { step: 3, expected: { run: 'r', step: 2 } })
  fold.learn({ type: 'policy', key: LEAF, policy: { min_tokens: 7 }, by: 'ops' }, 5000)
  t.match(fold.state(), { epoch: 5, checkpoint: { step: 3 } }, 'the checkpoint outlasts later epochs')
  fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'older weights' }, 6000)
  t.match(fold.state(), { epoch: 6, checkpoint: null }, 'but for those of a reset')
  fold.learn({ type: 'policy', key: LEAF, policy: { min_tokens: 8 }, by: 'ops' }, 7000)
  t.match(fold.state(), { epoch: 7, checkpoint: null }, 'and what follows it')
  fold.learn(checkpoint(4), 8000)
  t.match(fold.state().checkpoint, { step: 4, expected: null })
})

t.test('a context without reports has nothing to forget', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT)
  fold.learn(checkpoint(1, 'model=unknown'), 10)
  t.ok(CHAIN.every((key) => fold.state(key).epoch === 1))
  t.equal(fold.changes.length, 0)
})

t.test('a checkpoint\'s epoch has its predecessor\'s predictor as a challenger, with none of its evidence and no certificate', async (t) => {
  const fold = memoryFold({ predictor: 'auto' })
  fold.learn(KEPT)
  addPredictor(fold, PREDICTOR)
  fold.learn(KEPT, 2, 1000)
  t.match(fold.state(), { trials: [{ predictor: 'p', halves: [{ generations: 1000 }, {}] }] })
  t.not(fold.state().threshold, null)
  fold.learn({ type: 'checkpoint', key: 'model=q', run: 'r', step: 7, by: 'trainer' }, 3)
  t.match(fold.state(), {
    serving: null,
    threshold: null,
    challengers: 1,
    trials: [{ predictor: 'p', ordinal: 1, halves: [{ generations: 0 }, { generations: 0 }] }],
    checkpoint: { step: 7, expected: { threshold: Number } },
  })
})
