import t from 'tap'
import { windowProblem } from '../../../src/core/certificate/window-problem.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'

t.test('a half-window below twice the lossless count is refused', async (t) => {
  const problem = (evidence_window: number, max_em_drop = 0.02, error_level = 0.05) =>
    windowProblem({ ...DEFAULT_POLICY, max_em_drop, error_level, evidence_window })
  t.equal(problem(744), null, '2 x 2 x 186')
  t.match(problem(743), { path: '/evidence_window', message: '744' })
  t.match(problem(20_000, 0.001, 0.001), { path: '/evidence_window' }, 'the default window is too small for the strictest of wishes')
  t.equal(problem(4 * 73, 0.05), null)
})
