import t from 'tap'
import { checkedPolicies, checkRoom } from '../../src/operations/checked-policies.js'
import { readConfig } from '../../src/config/config.js'
import type { PolicyPatch } from '../../src/core/policy/policy.js'

const config = readConfig({ MAX_CONTEXTS: '2' })

t.test('a policy is checked where it is stated and in all contexts below', async (t) => {
  const stated = new Map<string, PolicyPatch>([['model=q', { value_of_em: 1, price_per_1k_tokens: 0.1 }]])
  t.same([...checkedPolicies(config, stated, '*', { max_em_drop: 0.03 }).keys()], ['model=q', '*'])
  t.equal(stated.size, 1, 'the map it was given stays as it is')
  t.throws(() => checkedPolicies(config, stated, 'model=q', { value_of_em: 1 }), {
    code: 'INVALID_POLICY', message: /in context model=q, price_per_1k_tokens must be stated with value_of_em/,
  })
  t.throws(() => checkedPolicies(config, stated, '*', { error_level: 1e-6, max_em_drop: 0.001 }), { code: 'INVALID_POLICY' })
  t.throws(() => checkedPolicies(config, stated, '*', { certify_at: 'tenant' }), {
    code: 'INVALID_POLICY', message: /certify_at must be a context level \(CONTEXT_LEVELS\)/,
  })
  t.same([...checkedPolicies(config, stated, 'model=q', null).keys()], [])
})

t.test('a policy that would make a context differ from its pool is refused, whichever of the two it is stated for', async (t) => {
  const stated = new Map<string, PolicyPatch>([['model=q,task=a', { max_em_drop: 0.01 }]])
  const message = 'in context model=q,task=a, max_em_drop must be 0.02, as in its pool model=q: state it there, or name the last level in certify_at here'
  t.throws(() => checkedPolicies(config, stated, '*', { certify_at: 'model' }), { code: 'INVALID_POLICY', message })
  t.doesNotThrow(() => checkedPolicies(config, stated, '*', { certify_at: 'model', max_em_drop: 0.01 }))
})

t.test('there may be as many policies as contexts', async (t) => {
  const two = new Map([['a', {}], ['b', {}]])
  t.throws(() => checkRoom(config, two, 'c'), { code: 'TOO_MANY' })
  t.doesNotThrow(() => checkRoom(config, two, 'a'))
})
