import t from 'tap'
import { evidenceOf, mergeHalves } from '../../../src/core/judgement/context-state.js'
import { isFirstSample } from '../../../src/core/learn/learn-evidence.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import { LEAF, memoryFold, outcomeOf } from './memory-fold.js'
import { addPredictor, BY_SIGNAL, early, FIRST_CHALLENGER } from './trial-fold.js'

// The rules of evidence are in learn-outcome.test.ts and rules.test.ts, which learn whole outcomes; trials in learn-predictor.test.ts.

t.test('first samples', async (t) => {
  for (const [sample_index, is] of [[null, true], [0, true], [1, false], [-1, false]] as const) {
    t.equal(isFirstSample(outcomeOf({ sample_index })), is)
  }
})

const WAIT = 10
const QUICK = 'model=q,task=quick'
const quick = (i: number) => early({ generation_id: `quick ${i}`, context: { model: 'q', task: 'quick' } })
const slow = early({ generation_id: 'slow', full: {} })

function generationsIn (fold: ReturnType<typeof memoryFold>, count: (key: string) => number) {
  return Object.fromEntries(['*', 'model=q', QUICK].map((key) => [key, fold.get(key) === undefined ? 0 : count(key)]))
}

t.test('where labels begin to come late, above the leaves nothing counts for the longest wait: quick contexts would prevail', async (t) => {
  const fold = memoryFold({}, { label_wait_seconds: WAIT })
  const generations = () => generationsIn(fold, (key) => evidenceOf(fold.state(key)).generations)
  for (let i = 0; i < 3; i++) fold.learn(quick(i), i)
  t.same(generations(), { '*': 3, 'model=q': 3, [QUICK]: 3 })
  const began = 1_000_000 // long after the epoch did
  fold.learn(slow, began)
  fold.learn(quick(4), began + 1)
  fold.learn(quick(5), began + WAIT * 1000 - 1)
  t.same(generations(), { '*': 3, 'model=q': 3, [QUICK]: 5 })
  t.equal(fold.state('model=q').unsettled, 2)
  fold.learn(quick(6), began + WAIT * 1000)
  t.same(generations(), { '*': 4, 'model=q': 4, [QUICK]: 6 })
})

t.test('nor for a predictor that comes where labels are late, in the same time from the start of its trial', async (t) => {
  const fold = memoryFold({ predictor: 'auto' }, { label_wait_seconds: WAIT })
  fold.learn(slow, 0)
  fold.learn(quick(0), 1)
  const since = 1_000_000
  addPredictor(fold, BY_SIGNAL, since)
  t.equal(fold.state(LEAF).trials[0]!.since, since)
  const tried = () => generationsIn(fold, (key) => mergeHalves(fold.state(key).trials[0]!.halves).generations)
  fold.learn(quick(1), since)
  fold.learn(quick(2), since + WAIT * 1000 - 1)
  t.same(tried(), { '*': 0, 'model=q': 0, [QUICK]: 2 })
  t.equal(evidenceOf(fold.state('model=q')).generations, 2, 'the raw confidence is past that')
  fold.learn(quick(3), since + WAIT * 1000)
  t.same(tried(), { '*': 1, 'model=q': 1, [QUICK]: 3 })
})

t.test('evidence that is damaged, of another grid than the predictor that serves by it, stops no learner', async (t) => {
  const fold = memoryFold({ predictor: 'auto' })
  const finer = { ...BY_SIGNAL, grid: Array.from({ length: 60 }, (_, k) => 0.99 - k / 100) }
  fold.learn(early())
  addPredictor(fold, finer)
  fold.learn(early(), 1, FIRST_CHALLENGER)
  t.match(fold.state(), { serving: 'p', threshold_index: 59, threshold: finer.grid[59], trials: [{ halves: [{ lost: { length: 60 } }, {}] }] })
  const before = fold.state()
  fold.predictors.set('p', BY_SIGNAL)
  const trials = before.trials.map(({ fingerprint: _, ...trial }) => trial) // as of a version of before
  fold.set(LEAF, { ...before, trials })
  fold.learn(early(), 2)
  t.match(fold.state(), { serving: null, threshold: before.threshold && GRID.at(-1) }, 'the confidence has a threshold of its own')
  t.equal(mergeHalves(fold.state().trials[0]!.halves).generations, FIRST_CHALLENGER, 'nor does it grow')
})
