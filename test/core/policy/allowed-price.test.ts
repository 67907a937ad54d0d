import t from 'tap'
import { allowedPrice } from '../../../src/core/policy/allowed-price.js'
import { policyWith } from '../learn/memory-fold.js'

t.test('the allowed price is the stated one, else the ratio of the prices', async (t) => {
  t.equal(allowedPrice(1000, policyWith()), null)
  const prices = { value_of_em: 0.02, price_per_1k_tokens: 0.004 }
  t.equal(allowedPrice(NaN, policyWith(prices)), null, 'before any generation')
  t.equal(allowedPrice(1000, policyWith(prices)), 0.002, '10 tokens, a percent of 1,000, cost 0.00004: a five hundredth of an answer')
  t.equal(allowedPrice(1000, policyWith({ ...prices, em_per_token_percent: 0.001 })), 0.001)
  t.equal(allowedPrice(1000, policyWith({ ...prices, value_of_em: 0 })), null, 'no price is too high')
})
