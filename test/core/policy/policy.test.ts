import t from 'tap'
import { DEFAULT_POLICY, effectivePolicy, patchedPolicy, type PolicyPatch } from '../../../src/core/policy/policy.js'

t.test('a policy inherits field by field from the nearest link that states it', async (t) => {
  const policies = new Map<string, PolicyPatch>([
    ['*', { max_em_drop: 0.03, mode: 'shadow' }],
    ['model=q', { max_em_drop: 0.01 }],
    ['model=q,task=a', { mode: 'off' }],
    ['model=r', { label: 'agreement' }],
  ])
  const defaults = { max_em_drop: 0.04, min_tokens: 7 }
  const fields = (key: string) => {
    const { max_em_drop, mode, label, min_tokens, error_level } = effectivePolicy(defaults, policies, key)
    return { max_em_drop, mode, label, min_tokens, error_level }
  }
  const common = { label: 'exact_match', min_tokens: 7, error_level: 0.05 }
  t.strictSame(fields('*'), { ...common, max_em_drop: 0.03, mode: 'shadow' })
  t.strictSame(fields('model=q'), { ...common, max_em_drop: 0.01, mode: 'shadow' })
  t.strictSame(fields('model=q,task=a'), { ...common, max_em_drop: 0.01, mode: 'off' })
  t.strictSame(fields('model=q,task=b'), { ...common, max_em_drop: 0.01, mode: 'shadow' }, 'siblings do not inherit from each other')
  t.strictSame(fields('model=qq'), { ...common, max_em_drop: 0.03, mode: 'shadow' }, 'a prefix of a name is not a link')
  t.strictSame(effectivePolicy({}, new Map(), 'model=q'), DEFAULT_POLICY)
})

t.test('mode off on the root applies to every context; elsewhere it is inherited like any field', async (t) => {
  const mode = (key: string, ...policies: Array<[string, PolicyPatch]>) => effectivePolicy({ mode: 'off' }, new Map(policies), key).mode
  t.equal(mode('model=q,task=a', ['*', { mode: 'off' }], ['model=q', { mode: 'enforce' }]), 'off')
  t.equal(mode('model=q,task=a', ['model=q', { mode: 'off' }], ['model=q,task=a', { mode: 'enforce' }]), 'enforce')
  t.equal(mode('model=q,task=a', ['model=q', { mode: 'enforce' }]), 'enforce', 'mode off in the defaults can be overridden')
})

t.test('a merge patch sets and removes fields, and keeps what it does not name', async (t) => {
  t.strictSame(patchedPolicy({ certify_at: null, min_tokens: 7 }, { mode: 'off' }), { certify_at: null, min_tokens: 7, mode: 'off' })
  t.strictSame(patchedPolicy({ certify_at: 'model', min_tokens: 7 }, { certify_at: null }), { min_tokens: 7 })
  t.equal(patchedPolicy({ mode: 'off' }, { mode: null }), null, 'nothing is left')
})
