import t from 'tap'
import {
  certificationTerms, DEFAULT_POLICY, effectivePolicy, haveSameTerms, nextCheckTokens, patchedPolicy, type PolicyPatch,
} from '../../../src/core/policy/policy.js'
import { policyWith } from '../learn/memory-fold.js'

t.test('the next check is the next multiple of the cadence, and not before min_tokens', async (t) => {
  const rule = { minTokens: 0, checkEveryTokens: 32, checkGrowth: 0 }
  t.equal(nextCheckTokens(rule, 0), 32)
  t.equal(nextCheckTokens(rule, 31), 32)
  t.equal(nextCheckTokens(rule, 32), 64)
  t.equal(nextCheckTokens({ ...rule, minTokens: 100 }, 5), 128)
  t.equal(nextCheckTokens({ ...rule, minTokens: 128 }, 5), 128)
  t.equal(nextCheckTokens(rule, 1_000_000_000), 1_000_000_032 - 1_000_000_000 % 32)
})

t.test('with growth, the next check is that part of the tokens later, on a multiple of the cadence', async (t) => {
  const rule = { minTokens: 0, checkEveryTokens: 32, checkGrowth: 0.1 }
  const checks: number[] = []
  for (let at = nextCheckTokens(rule, 0); checks.length < 16; at = nextCheckTokens(rule, at)) checks.push(at)
  t.strictSame(checks, [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 416, 480, 544, 608, 672], 'a tenth of 320 is 32, of 352 more')
  t.equal(nextCheckTokens({ ...rule, minTokens: 1000 }, 320), 1024)
  t.equal(nextCheckTokens({ ...rule, checkGrowth: 1 }, 96), 192)
})

t.test('contexts below the same stated policies share one policy', async (t) => {
  const defaults = { max_em_drop: 0.01 }
  const root = { error_level: 0.1 }
  const policies = new Map<string, PolicyPatch>([['*', root], ['model=b', { min_tokens: 9 }]])
  const of = (key: string) => effectivePolicy(defaults, policies, key)
  t.equal(of('model=a,task=x'), of('model=a,task=y'))
  t.match(of('model=a,task=x'), { max_em_drop: 0.01, error_level: 0.1, min_tokens: DEFAULT_POLICY.min_tokens })
  t.not(of('model=b,task=x'), of('model=a,task=x'))
  t.match(of('model=b,task=x'), { error_level: 0.1, min_tokens: 9 })
  policies.set('*', { mode: 'off' })
  t.match(of('model=a,task=x'), { mode: 'off', error_level: DEFAULT_POLICY.error_level }, 'a policy that replaces another')
  policies.set('*', root).set('model=c', policies.get('model=b')!)
  t.match(of('model=c,task=x'), { error_level: 0.1, min_tokens: 9 })
})

t.test('terms are the fields that can move a threshold', async (t) => {
  const policy = policyWith()
  t.strictSame(certificationTerms(policy), { max_em_drop: 0.02, error_level: 0.05 })
  t.equal(certificationTerms(policy), certificationTerms(policy))
  const other = { max_em_drop: 0.03, error_level: 0.1 } as const
  for (const field of Object.keys(other) as Array<keyof typeof other>) {
    t.notOk(haveSameTerms(certificationTerms(policy), certificationTerms(policyWith({ [field]: other[field] }))), field)
  }
  t.ok(haveSameTerms(certificationTerms(policy), policyWith({ mode: 'off', certify_at: 'model', control_rate: 0.5 })), 'whatever else it says')
  t.notOk(haveSameTerms(undefined, certificationTerms(policy)))
  t.notOk(haveSameTerms(certificationTerms(policy), undefined))
  t.ok(haveSameTerms(undefined, undefined))
})

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

t.test('a merge patch sets and removes fields, and keeps fields that it does not name', async (t) => {
  t.strictSame(patchedPolicy({ certify_at: null, min_tokens: 7 }, { mode: 'off' }), { certify_at: null, min_tokens: 7, mode: 'off' })
  t.strictSame(patchedPolicy({ certify_at: 'model', min_tokens: 7 }, { certify_at: null }), { min_tokens: 7 })
  t.equal(patchedPolicy({ mode: 'off' }, { mode: null }), null, 'nothing is left')
})
