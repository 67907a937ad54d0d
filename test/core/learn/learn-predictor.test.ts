import t from 'tap'
import { losslessGenerations } from '../../../src/core/certificate/certificate.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import { TRAINER } from '../../../src/core/learn/learn-predictor.js'
import { KEPT, LEAF, memoryFold, outcomeOf } from './memory-fold.js'
import { addPredictor, BY_SIGNAL, early, FIRST_CHALLENGER, LATE_STEP, retirePredictor } from './trial-fold.js'

const RAW = losslessGenerations(0.02, 0.05 / 2)

function foldWithPredictor () {
  const fold = memoryFold({ predictor: 'auto' })
  fold.learn(early())
  addPredictor(fold, BY_SIGNAL)
  return fold
}

t.test('a predictor is a challenger in every context, and serves where its own evidence certifies a threshold that saves more', async (t) => {
  const fold = foldWithPredictor()
  t.ok(RAW < FIRST_CHALLENGER)
  for (const key of ['*', 'model=q', LEAF]) t.match(fold.state(key).trials, [{ predictor: 'p', ordinal: 1, halves: [{ generations: 0 }, { generations: 0 }] }], key)
  fold.learn(early(), 2, RAW - 2)
  t.match(fold.state(), { serving: null, threshold_index: -1 })
  fold.learn(early(), 2)
  t.match(fold.state(), { serving: null, threshold: GRID[29] }, 'the raw confidence has one generation more, and a lower bar')
  fold.learn(early(), 2, FIRST_CHALLENGER - RAW)
  t.match(fold.state(), { serving: null })
  fold.learn(early(), 2)
  t.match(fold.state(), { serving: 'p', threshold_index: 29, threshold: BY_SIGNAL.grid[29], guarantee: { tokens_saved_ratio: 0.9, generations: FIRST_CHALLENGER, error_level: 0.05 } })
  t.match(fold.changes.filter(({ key }) => key === LEAF), [
    { cause: 'evidence', before: null, after: GRID[29], before_scorer: undefined, after_scorer: undefined },
    { cause: 'evidence', before: GRID[29], before_scorer: undefined, after: BY_SIGNAL.grid[29], after_scorer: 'p' },
  ])
})

t.test('a trial starts without the evidence learned before it', async (t) => {
  const fold = memoryFold({ predictor: 'auto' })
  fold.learn(early(), 0, 1000)
  addPredictor(fold, BY_SIGNAL)
  t.match(fold.state(), { serving: null, trials: [{ halves: [{ generations: 0 }, { generations: 0 }] }] })
})

t.test('retired, it leaves at once and the raw confidence serves; its evidence is gone if it comes back', async (t) => {
  const fold = foldWithPredictor()
  fold.learn(early(), 2, FIRST_CHALLENGER)
  t.equal(fold.state().serving, 'p')
  retirePredictor(fold, BY_SIGNAL, 3)
  t.match(fold.state(), { serving: null, threshold: GRID[29], trials: [] })
  t.same(fold.ledger.predictors, [])
  t.match(fold.changes.at(-1), { cause: 'predictor', before_scorer: 'p', after: GRID[29] })
  addPredictor(fold, BY_SIGNAL, 4)
  t.match(fold.state().trials, [{ ordinal: 2, halves: [{ generations: 0 }, { generations: 0 }] }])
  fold.learn({ type: 'predictor', name: 'p', version: null, by: 'ops' }, 5)
  t.same([fold.state().trials, fold.ledger.predictors], [[], []])
})

t.test('a new epoch starts its evidence from zero, as the first challenger', async (t) => {
  const fold = foldWithPredictor()
  fold.learn(early(), 2, FIRST_CHALLENGER)
  fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'new weights' }, 3)
  t.match(fold.state(), { serving: null, threshold: null, challengers: 1, trials: [{ predictor: 'p', ordinal: 1, halves: [{ generations: 0 }, {}] }] })
})

t.test('drift is watched at the threshold in force, the predictor\'s', async (t) => {
  const fold = foldWithPredictor()
  fold.learn(early(), 2, FIRST_CHALLENGER)
  t.equal(fold.state().serving, 'p')
  const { epoch } = fold.state()
  const lostEarly = early({ steps: [{ tokens: 10, confidence: 0, exact_match: 0, signals: { sure: 8 } }, LATE_STEP] })
  const drift = [...fold.state().drift]
  fold.learn(lostEarly, 3)
  t.ok(fold.state().drift[0]! > drift[0]!, 'a loss that only the predictor would have had')
  fold.learn(lostEarly, 3, 40)
  t.equal(fold.state().serving, null)
  t.ok(fold.state().epoch > epoch || fold.state().threshold === GRID[29], 'it falls by alarm or by its counts')
})

t.test('policies: off drops it, on brings it back with fresh evidence; the raw confidence pays for the change', async (t) => {
  const fold = foldWithPredictor()
  fold.learn(early(), 2, 2000)
  t.equal(fold.state().serving, 'p')
  fold.learn({ type: 'policy', key: '*', policy: { predictor: 'off' }, by: 'ops' }, 3)
  t.match(fold.state(), { serving: null, trials: [], guarantee: { post_hoc: true } })
  fold.learn({ type: 'policy', key: '*', policy: { predictor: 'auto' }, by: 'ops' }, 4)
  t.match(fold.state(), { serving: null, trials: [{ ordinal: 2, halves: [{ generations: 0 }, {}] }], guarantee: { post_hoc: false } })
})

t.test('the trainer is next due when there are four times the samples, at most 20,000 more', async (t) => {
  const fold = memoryFold({ predictor: 'auto' })
  fold.learn(KEPT, 0, 400)
  t.equal(fold.reservoir.added, 400)
  addPredictor(fold, BY_SIGNAL, 1, TRAINER)
  t.equal(fold.ledger.train_at, 1600)
  addPredictor(fold, { ...BY_SIGNAL, name: 'imported' })
  t.equal(fold.ledger.train_at, 1600, 'an import changes nothing of that')
})

t.test('only leaves are sampled, only where predictors are on, and nothing that is not whole', async (t) => {
  const fold = memoryFold({ predictor: 'auto' })
  fold.learn(KEPT)
  t.match(fold.reservoir.samples(), [{ leaf: LEAF, label: 'exact_match', steps: [{ lost: 0 }] }])
  fold.learn(outcomeOf({ steps_complete: false }))
  fold.learn(outcomeOf({ steps: null }))
  fold.learn(outcomeOf({ arm: 'treated' }))
  fold.learn(outcomeOf({ sample_index: 3 }))
  t.equal(fold.reservoir.samples().length, 2, 'each sample of a group')
  const off = memoryFold()
  off.learn(KEPT)
  t.equal(off.reservoir.samples().length, 0)
})
