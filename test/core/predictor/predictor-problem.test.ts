import t from 'tap'
import { predictorProblem } from '../../../src/core/predictor/predictor-problem.js'
import { PREDICTOR } from '../decide/snapshot-of.js'

const levels = ['model', 'task']
const gridOf = (length: number) => Array.from({ length }, (_, k) => 0.99 - k / 200)

t.test('a valid predictor has no problem', async (t) => {
  t.equal(predictorProblem(PREDICTOR, levels), null)
  for (const length of [2, 30, 120]) t.equal(predictorProblem({ ...PREDICTOR, grid: gridOf(length) }, levels), null, `${length} thresholds`)
})

t.test('the problem of an invalid predictor says where it is and what to change', async (t) => {
  const { '*': root, ...others } = PREDICTOR.contexts
  const bad: Array<[Partial<typeof PREDICTOR>, string, RegExp]> = [
    [{ name: 'confidence' }, '/name', /reserved/],
    [{ name: 'auto-300' }, '/name', /reserved/],
    [{ levels: 'task' }, '/levels', /must be "model,task"/],
    [{ contexts: others }, '/contexts', /must contain the root context/],
    [{ contexts: { '*': root!, 'task=x': root! } }, '/contexts/task=x', /context key/],
    [{ contexts: { '*': { log_median: 1, weights: [1, 2, 3, 4] } } }, '/contexts/*/weights', /must be 5 numbers/],
    [{ signals: [PREDICTOR.signals[0]!, PREDICTOR.signals[0]!], contexts: { '*': { log_median: 1, weights: [1, 2, 3, 4, 5, 6] } } }, '/signals', /once/],
    [{ grid: PREDICTOR.grid.toReversed() }, '/grid', /each below the one before/],
    [{ grid: [0.5, 0.5] }, '/grid', /each below the one before/],
    [{ grid: gridOf(1) }, '/grid', /2 to 120 thresholds/],
    [{ grid: gridOf(121) }, '/grid', /2 to 120 thresholds/],
  ]
  for (const [change, path, message] of bad) t.match(predictorProblem({ ...PREDICTOR, ...change }, levels), { path, message }, path)
})
