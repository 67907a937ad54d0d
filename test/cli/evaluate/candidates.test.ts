import t from 'tap'
import { caseOf, certify, judgeBy } from '../../../src/cli/evaluate/candidates.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import type { Predictor } from '../../../src/core/predictor/predictor.js'
import { runOf } from './traces.js'

const sure = Array.from({ length: 300 }, (_, i) => caseOf(runOf(`g${i}`, 1, [[0.5, 0], [0.999, 1]]), 'model=a,task=x', 1))

t.test('a case is certified at the requested link of its chain', async (t) => {
  t.match(sure[0], { leaf: 'model=a,task=x', key: 'model=a' })
  t.equal(caseOf(sure[0]!.run, 'model=a,task=x', 0).key, '*')
  t.equal(sure[0]!.raw.stops.length, GRID.length)
})

t.test('thresholds are certified as in the service', async (t) => {
  const { index, saved } = certify(sure.map(({ raw }) => raw), 0.02, 0.05)
  t.ok(GRID[index]! > 0.5 && GRID[index + 1]! <= 0.5, 'the loosest threshold above the confidence of the wrong first step')
  t.ok(Math.abs(saved - 1 / 3) < 1e-12)
  t.strictSame(certify(sure.slice(0, 185).map(({ raw }) => raw), 0.02, 0.05), { index: -1, saved: 0 }, '185 lossless generations are one too few')
  t.not(certify(sure.slice(0, 186).map(({ raw }) => raw), 0.02, 0.05).index, -1)
})

t.test('a predictor judges by its scores on its own grid', async (t) => {
  const predictor: Predictor = {
    name: 'p',
    label: 'exact_match',
    levels: 'model,task',
    signals: [],
    trained: { generations: 0, steps: 0, groups: [] },
    contexts: { '*': { log_median: 0, weights: [0, 0, 1, 0] } },
    grid: Array.from({ length: 30 }, (_, k) => 0.94 - k / 1000), // 20 tokens: 20/21
  }
  const { stops, trace } = judgeBy(predictor)(sure[0]!)
  t.ok(Math.abs(trace.steps[1]!.score! - 20 / 21) < 1e-12)
  t.equal(stops[0]!.tokens, 20, 'the first step, with 10/11, is below the grid')
  t.equal(stops[29]!.tokens, 20)
  const finer = { ...predictor, grid: Array.from({ length: 60 }, (_, k) => 0.99 - k / 1000) } // to 0.931
  t.match(certify(sure.map(judgeBy(finer)), 0.02, 0.05), { index: 59 })
  t.strictSame(certify([], 0.02, 0.05), { index: -1, saved: 0 })
})
