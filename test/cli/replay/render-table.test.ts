import t from 'tap'
import { renderTable } from '../../../src/cli/replay/render-table.js'
import type { Comparison, Figures } from '../../../src/cli/replay/compare.js'

const figures = (saved: number, drop: number, stopped = 0): Figures => ({
  tokens: 1000 * (1 - saved),
  probe_tokens: 10,
  tokens_saved_ratio: saved - 0.01,
  tokens_saved_gross_ratio: saved,
  em: 0.8 - drop,
  em_drop: drop,
  stopped,
})
const comparison = (saved: number, drop: number): Comparison => ({
  generations: 300,
  control_generations: 100,
  served: figures(saved, drop, 42),
  max_em_drop: 0.02,
  is_inside_bound: drop <= 0.02,
  never_stop: figures(0, 0),
  fixed_threshold: figures(0.3, 0.039),
  best_possible: figures(0.7, -0.0301),
})
const a = { key: 'task=a', threshold: 0.9509917735, scope: 'own' as const, score: 'confidence', ...comparison(0.412, -0.005) }
const b = { key: 'task=longer', threshold: null, scope: 'none' as const, score: 'confidence', ...comparison(0, 0.00004) }
const c = { key: 'task=c', threshold: 0.9, scope: 'pool' as const, score: 'confidence', ...comparison(0.5, 0.034) }

t.test('the contexts and the total are aligned rows', async (t) => {
  const lines = renderTable([a, b], comparison(0.2, -0.002)).split('\n')
  t.strictSame(lines.slice(0, 9).map((line) => line.replace(/^-+$/, '---')), [
    '             stopgate                                                                            | never stopping | conf >= 0.95      | best possible',
    'context      generations  threshold  scope  stopped  saved %  gross %  EM %  change       bound  |  tokens  EM %  |  saved %  change  |  saved %  change',
    '---',
    'task=a               300     0.9510  own         42     40.2     41.2  80.5    +0.5  inside 2.0  |    1000  80.0  |     29.0    -3.9  |     69.0    +3.0',
    'task=longer          300       none  none        42     -1.0      0.0  80.0     0.0  inside 2.0  |    1000  80.0  |     29.0    -3.9  |     69.0    +3.0',
    '---',
    'all                  300                         42     19.0     20.0  80.2    +0.2  inside 2.0  |    1000  80.0  |     29.0    -3.9  |     69.0    +3.0',
    '',
    'The EM drop is inside its bound in all 2 contexts.',
  ])
})

t.test('a context outside its bound is named below the table', async (t) => {
  const text = renderTable([a, c], comparison(0.2, 0.01))
  t.match(text, /OUTSIDE 2\.0/)
  t.match(text, 'The EM drop is OUTSIDE its bound in:\n  task=c: 3.4 points lost, 2.0 allowed\n')
})

t.match(renderTable([a], comparison(0.2, 0)), 'inside its bound in the one context')

t.match(renderTable([{ ...a, served: { ...a.served, stopped: 0 } }], comparison(0, 0)), 'Nothing was stopped', 'a replay without stops claims no success')

t.test('thresholds of predictors are marked', async (t) => {
  t.notMatch(renderTable([a, b], comparison(0.2, 0)), /predictor/)
  t.match(renderTable([{ ...a, score: 'auto-304' }, b], comparison(0.2, 0)), "\nThe threshold is for a predictor's score in:\n  task=a: auto-304\nsaved: ")
})
