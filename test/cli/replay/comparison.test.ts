import t from 'tap'
import { compare, compareByContext, renderTable, type Comparison, type Figures } from '../../../src/cli/replay/comparison.js'
import { ranInFull, stoppedAt } from '../../../src/cli/traces/recorded-run.js'
import { recorded } from '../traces/recorded.js'

const run = (id: string, em: 0 | 1, stopEm: 0 | 1, task: string) => recorded(id, em, [[0.96, stopEm], [0.99, em]], { context: { task } })
const stopped = (id: string, em: 0 | 1, stopEm: 0 | 1, task: string) => {
  const r = run(id, em, stopEm, task)
  return { run: r, arm: 'treated' as const, ...stoppedAt(r, r.steps[0]!) }
}
const full = (id: string, em: 0 | 1, stopEm: 0 | 1, task: string) => {
  const r = run(id, em, stopEm, task)
  return { run: r, arm: 'control' as const, ...ranInFull(r) }
}

t.test('the service is compared with other stopping rules', async (t) => {
  const all = [full('a', 1, 0, 'x'), stopped('b', 1, 1, 'x'), stopped('c', 1, 0, 'x'), stopped('d', 0, 1, 'x')]
  t.match(compare(all, 0.02), {
    generations: 4,
    control_generations: 1,
    served: { tokens: 130, tokens_saved_ratio: 0.675, em: 0.75, em_drop: 0, stopped: 3 }, // one lost, one gained
    never_stop: { tokens: 400, tokens_saved_ratio: 0, em: 0.75, em_drop: 0, stopped: 0 },
    fixed_threshold: { tokens: 40, em: 0.5, em_drop: 0.25, stopped: 4 },
    best_possible: { tokens: 60, em: 1, em_drop: -0.25, stopped: 4 },
    is_inside_bound: true,
  })
})

t.test('a drop equal to the bound is inside', async (t) => {
  const lost = (n: number) => [...Array.from({ length: n }, (_, i) => stopped(`l${i}`, 1, 0, 'x')), ...Array.from({ length: 100 - n }, (_, i) => stopped(`k${i}`, 1, 1, 'x'))]
  t.equal(compare(lost(2), 0.02).is_inside_bound, true, 'exactly the bound, rounding aside')
  t.equal(compare(lost(3), 0.02).is_inside_bound, false)
})

t.test('figures are computed by context', async (t) => {
  const served = [stopped('a', 1, 1, 'y'), full('b', 1, 1, 'x'), full('c', 0, 1, 'y'), full('d', 0, 1, 'y')]
  const bounds: Record<string, number> = { 'task=x': 0.02, 'task=y': 0.06 }
  const { contexts, total } = compareByContext(['task'], served, (key) => ({ threshold: 0.9, scope: 'own', score: 'p', policy: { max_em_drop: bounds[key]! } }))
  t.strictSame(contexts.map(({ key, generations }) => [key, generations]), [['task=x', 1], ['task=y', 3]], 'sorted')
  t.match(contexts[0], { threshold: 0.9, scope: 'own', score: 'p', max_em_drop: 0.02 })
  t.equal(total.generations, 4)
  t.equal(total.max_em_drop.toFixed(12), '0.050000000000', 'the mean bound of all generations')
})

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
