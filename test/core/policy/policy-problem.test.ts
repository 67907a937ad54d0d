import t from 'tap'
import { memberProblem, poolProblem } from '../../../src/core/policy/policy-problem.js'
import { DEFAULT_POLICY, effectivePolicy, type PolicyPatch } from '../../../src/core/policy/policy.js'

const levels = ['model', 'task']

t.test('pools are at a configured level, at the root, or nowhere', async (t) => {
  const problem = (certify_at: string | null) => poolProblem({ ...DEFAULT_POLICY, certify_at }, levels)
  for (const level of [null, '*', 'model', 'task']) t.equal(problem(level), null, String(level))
  t.match(problem('tenant'), { path: '/certify_at', message: 'use one of "*" (all contexts), "model", "task"' })
})

t.test('a member of a pool has the label, the bound and the cadence of its pool', async (t) => {
  const leaf = 'model=q,task=a'
  const problem = (member: PolicyPatch, pool: PolicyPatch = {}, key = leaf) => {
    const stated = new Map<string, PolicyPatch>([['*', { certify_at: 'model' }], ['model=q', pool], [leaf, member]])
    return memberProblem((at) => effectivePolicy({}, stated, at), levels, key)
  }
  for (const member of [{ max_em_drop: 0.01 }, { error_level: 0.1 }, { label: 'agreement' }, { min_tokens: 9 }, { check_every_tokens: 9 }, { check_growth: 1 }] as const) {
    const [field] = Object.keys(member)
    t.match(problem(member), { path: `/${field}`, message: 'as in its pool model=q: state it there, or name the last level in certify_at here' })
    t.equal(problem({ ...member, certify_at: null }), null, 'it is no member')
    t.equal(problem(member, member), null, 'the pool has the same')
    t.equal(problem({}, member), null, 'it inherits what the pool states')
    t.equal(problem({}, member, 'model=q'), null, 'the pool itself is free')
  }
  t.equal(problem({ mode: 'shadow', store_prompts: true }), null)
  t.equal(problem({ evidence_span_seconds: 60, judge_miss_rate: 0.1, judge_gain_share: 0.5 }), null, 'the pool\'s own are used')
  t.match(problem({ certify_at: '*' }), { path: '/certify_at', message: 'must also hold for *' })
})
