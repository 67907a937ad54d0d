import t from 'tap'
import { sameTerms, termsOf } from '../../src/core/terms.js'
import { policyWith } from './memory-fold.js'

t.test('terms are what moves a threshold', async (t) => {
  const policy = policyWith()
  t.strictSame(termsOf(policy), { max_em_drop: 0.02, error_level: 0.05, predictor: 'off', value_of_em: null, price_per_1k_tokens: null })
  t.equal(termsOf(policy), termsOf(policy))
  const other = { max_em_drop: 0.03, error_level: 0.1, predictor: 'auto', value_of_em: 1, price_per_1k_tokens: 1 } as const
  for (const field of Object.keys(other) as Array<keyof typeof other>) {
    t.notOk(sameTerms(termsOf(policy), termsOf(policyWith({ [field]: other[field] }))), field)
  }
  t.ok(sameTerms(termsOf(policy), policyWith({ mode: 'off', fallback: 'parent', control_rate: 0.5 })), 'whatever else it says')
  t.notOk(sameTerms(undefined, termsOf(policy)))
  t.notOk(sameTerms(termsOf(policy), undefined))
  t.ok(sameTerms(undefined, undefined))
})
