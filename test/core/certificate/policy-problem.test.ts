import t from 'tap'
import { policyProblem } from '../../../src/core/certificate/policy-problem.js'
import { DEFAULT_POLICY, effectivePolicy, type PolicyPatch } from '../../../src/core/policy/policy.js'

t.test('a half-window below twice the lossless count is refused', async (t) => {
  const problem = (evidence_window: number, max_em_drop = 0.02, error_level = 0.05) =>
    policyProblem({ ...DEFAULT_POLICY, max_em_drop, error_level, evidence_window })
  t.equal(problem(896), null, '2 x 2 x 224')
  t.match(problem(895), { path: '/evidence_window', message: '896' })
  t.match(problem(20_000, 0.001, 0.001), { path: '/evidence_window' }, 'the default window is too small for the strictest of wishes')
  t.equal(problem(4 * 88, 0.05), null)
})

t.test('a policy must have both prices or neither, wherever they were stated', async (t) => {
  const problem = (child: PolicyPatch, parent: PolicyPatch = {}) =>
    policyProblem(effectivePolicy({}, new Map([['*', parent], ['model=q', child]]), 'model=q'))
  t.match(problem({ value_of_em: 0.01 }), { path: '/price_per_1k_tokens', message: 'with value_of_em' })
  t.match(problem({ price_per_1k_tokens: 0.002 }), { path: '/value_of_em', message: 'with price_per_1k_tokens' })
  const both = { value_of_em: 0.01, price_per_1k_tokens: 0.002 }
  t.equal(problem(both), null)
  t.equal(problem({ value_of_em: 5 }, both), null, 'the other is the parent\'s')
  t.match(problem({ value_of_em: null }, both), { path: '/value_of_em' }, 'half of the parent\'s is taken away')
  t.equal(problem({ value_of_em: null, price_per_1k_tokens: null }, both), null)
})
