import t from 'tap'
import { certificationTerms, haveSameBar, haveSameTerms } from '../../../src/core/policy/certification-terms.js'
import { policyWith } from '../learn/memory-fold.js'

t.test('terms are the fields that can move a threshold', async (t) => {
  const policy = policyWith()
  t.strictSame(certificationTerms(policy), { max_em_drop: 0.02, error_level: 0.05, predictor: 'off', value_of_em: null, price_per_1k_tokens: null })
  t.equal(certificationTerms(policy), certificationTerms(policy))
  const other = { max_em_drop: 0.03, error_level: 0.1, predictor: 'auto', value_of_em: 1, price_per_1k_tokens: 1 } as const
  for (const field of Object.keys(other) as Array<keyof typeof other>) {
    t.notOk(haveSameTerms(certificationTerms(policy), certificationTerms(policyWith({ [field]: other[field] }))), field)
  }
  t.ok(haveSameTerms(certificationTerms(policy), policyWith({ mode: 'off', certify_at: 'model', control_rate: 0.5 })), 'whatever else it says')
  t.notOk(haveSameTerms(undefined, certificationTerms(policy)))
  t.notOk(haveSameTerms(certificationTerms(policy), undefined))
  t.ok(haveSameTerms(undefined, undefined))
})

t.test('terms with the same guarantee ask for the same certificate, whatever the prices', async (t) => {
  const terms = certificationTerms(policyWith())
  t.ok(haveSameBar(terms, policyWith({ value_of_em: 1, price_per_1k_tokens: 1 })))
  for (const other of [{ max_em_drop: 0.03 }, { error_level: 0.1 }, { predictor: 'auto' }] as const) t.notOk(haveSameBar(terms, policyWith(other)))
  t.notOk(haveSameBar(undefined, terms))
})
