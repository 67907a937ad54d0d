import t from 'tap'
import { ORACLE, plainRules, caseOf, certify, scoreWith, CERTIFIED_RULES, certifiedRules } from '../../../src/cli/evaluate/stopping-rules.js'
import { runOf } from './traces.js'
import { GRID } from '../../../src/core/decide/grid.js'
import type { Predictor } from '../../../src/core/scores/predictor.js'

const run = runOf('a', 1, [[0.92, 0, 1], [0.5, 0, 1], [0.91, 1, 2], [0.96, 1, 3], [0.97, 1, 4]])
const tokensOf = (runs: typeof run[]) => Object.fromEntries(plainRules(runs).map(({ name, end }) => [name, end(run).tokens]))

t.strictSame(tokensOf([run]), {
  'never stop': 60,
  'confidence >= 0.90': 10,
  'confidence >= 0.95': 40,
  'confidence >= 0.90, 2 times': 40,
  'confidence >= 0.90, 3 times': 50,
  'same answer 3 times': 40,
  'same answer 5 times': 60,
}, 'a step below the threshold resets the count')
t.notOk('same answer 3 times' in tokensOf([runOf('b', 1, [[0.9, 1]])]), 'the rules for streaks need recorded streaks')
t.equal(ORACLE.end(run).tokens, 30)

t.test('the best stop is the earliest that is no worse than the full run, and costs no probe', async (t) => {
  const endOf = (em: 0 | 1, ...steps: Parameters<typeof runOf>[2]) => ORACLE.end(runOf('b', em, steps))
  t.strictSame(endOf(1, [0.6, 0], [0.95, 0], [0.99, 1]), { tokens: 30, probeTokens: 0, em: 1, isStopped: true })
  t.strictSame(endOf(0, [0.2, 0], [0.99, 1]), { tokens: 10, probeTokens: 0, em: 0, isStopped: true }, 'not the best answer')
  t.strictSame(endOf(1, [0.5, 0]), { tokens: 20, probeTokens: 0, em: 1, isStopped: false }, 'never right before the end: in full')
})

const sure = Array.from({ length: 300 }, (_, i) => caseOf(runOf(`g${i}`, 1, [[0.5, 0], [0.999, 1]]), 'model=a,task=x', 1))

t.test('a case is certified at the requested link of its chain', async (t) => {
  t.match(sure[0], { leaf: 'model=a,task=x', key: 'model=a' })
  t.equal(caseOf(sure[0]!.run, 'model=a,task=x', 0).key, '*')
  t.equal(sure[0]!.raw.stops.length, GRID.length)
})

t.test('thresholds are certified as in the service', async (t) => {
  const index = certify(sure.map(({ raw }) => raw), 0.02, 0.05)
  t.ok(GRID[index]! > 0.5 && GRID[index + 1]! <= 0.5, 'the loosest threshold above the confidence of the wrong first step')
  t.equal(certify(sure.slice(0, 185).map(({ raw }) => raw), 0.02, 0.05), -1, '185 lossless generations are one too few')
  t.not(certify(sure.slice(0, 186).map(({ raw }) => raw), 0.02, 0.05), -1)
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
  const { stops, trace } = scoreWith(predictor)(sure[0]!)
  t.ok(Math.abs(trace.steps[1]!.score! - 20 / 21) < 1e-12)
  t.equal(stops[0]!.tokens, 20, 'the first step, with 10/11, is below the grid')
  t.equal(stops[29]!.tokens, 20)
  const finer = { ...predictor, grid: Array.from({ length: 60 }, (_, k) => 0.99 - k / 1000) } // to 0.931
  t.equal(certify(sure.map(scoreWith(finer)), 0.02, 0.05), 59)
  t.equal(certify([], 0.02, 0.05), -1)
})

const guarantee = { maxEmDrop: 0.02, errorLevel: 0.05 }
/** Right from the second step on, at the same confidence throughout: tokens are informative, confidence is not. */
const cases = (count: number) => Array.from({ length: count }, (_, i) => caseOf(runOf(`g${i}`, 1, [[0.6, 0], [0.6, 1], [0.6, 1], [0.6, 1]]), '*', 0))
const byTokens: Predictor = {
  name: 'p',
  label: 'exact_match',
  levels: '',
  signals: [],
  trained: { generations: 0, steps: 0, groups: [] },
  contexts: { '*': { log_median: 0, weights: [0, 0, 1, 0] } },
  grid: Array.from({ length: 30 }, (_, k) => 0.975 - 0.04 * k / 29), // 10/11, 20/21, ...
}
const savedBy = (certify: number, predictor: Predictor | null, learn = 0) => Object.fromEntries(
  certifiedRules({ learn: cases(learn), certify: cases(certify), test: cases(2) }, predictor, guarantee)
    .map(({ name, endings, isCertified }) => [name, isCertified ? 50 - endings[0]!.tokens : null]))

t.test('an informative score saves tokens', async (t) => {
  t.strictSame(savedBy(400, byTokens), {
    [CERTIFIED_RULES.raw]: 0, [CERTIFIED_RULES.both]: 0, [CERTIFIED_RULES.predictor]: 30,
  })
  t.strictSame(savedBy(400, null)[CERTIFIED_RULES.predictor], null, 'no predictor, no threshold')
})

t.test('a certificate takes 186 lossless generations', async (t) => {
  t.match(savedBy(185, byTokens), { [CERTIFIED_RULES.raw]: null, [CERTIFIED_RULES.predictor]: null })
  t.match(savedBy(186, byTokens), { [CERTIFIED_RULES.raw]: 0, [CERTIFIED_RULES.predictor]: 30 })
  t.match(savedBy(100, byTokens, 86), { [CERTIFIED_RULES.raw]: null, [CERTIFIED_RULES.both]: 0 })
})
