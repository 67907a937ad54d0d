import t from 'tap'
import { caseOf } from '../../../src/cli/evaluate/candidates.js'
import { CERTIFIED_RULES, certifiedRules } from '../../../src/cli/evaluate/certified-rules.js'
import type { Predictor } from '../../../src/core/predictor/predictor.js'
import { runOf } from './traces.js'

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

t.test('an informative score saves tokens, and the score that saves more is the champion', async (t) => {
  t.strictSame(savedBy(400, byTokens), {
    [CERTIFIED_RULES.raw]: 0, [CERTIFIED_RULES.both]: 0, [CERTIFIED_RULES.predictor]: 30, [CERTIFIED_RULES.champion]: 30,
  })
  t.strictSame(savedBy(400, null)[CERTIFIED_RULES.predictor], null, 'no predictor, no threshold')
  t.strictSame(savedBy(400, null)[CERTIFIED_RULES.champion], 0)
})

t.test('a certificate takes 186 lossless generations at the full level, 225 at half of it', async (t) => {
  t.match(savedBy(185, byTokens), { [CERTIFIED_RULES.raw]: null, [CERTIFIED_RULES.predictor]: null })
  t.match(savedBy(186, byTokens), { [CERTIFIED_RULES.raw]: 0, [CERTIFIED_RULES.predictor]: 30 })
  t.match(savedBy(224, byTokens), { [CERTIFIED_RULES.champion]: null })
  t.match(savedBy(225, byTokens), { [CERTIFIED_RULES.champion]: 0 })
  t.match(savedBy(100, byTokens, 86), { [CERTIFIED_RULES.raw]: null, [CERTIFIED_RULES.both]: 0 })
})
