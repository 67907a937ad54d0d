import t from 'tap'
import { compare, compareByContext } from '../../../src/cli/replay/compare.js'
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
