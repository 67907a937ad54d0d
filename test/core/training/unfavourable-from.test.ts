import t from 'tap'
import { unfavourable } from '../../../src/core/training/unfavourable-from.js'
import { readings } from './readings.js'

const run = readings(9, (i) => ({ em: 0.7 - 0.005 * i, tokens: 1000 * 0.95 ** i }))

t.test('the next cut costs more than the policy allows in all', async (t) => {
  const { figures } = unfavourable(run, { max_em_drop: 0.02, em_per_token_percent: null })!
  t.ok(Math.abs(figures.next_cut_ratio! - 0.05) < 1e-9)
  t.ok(Math.abs(figures.next_em_cost! - 0.005) < 1e-9)
  t.equal(figures.max_em_drop, 0.02)
  t.equal(unfavourable(run, { max_em_drop: 0.2, em_per_token_percent: null }), null, 'a policy that allows it')
  t.equal(unfavourable(readings(9, (i) => ({ em: 0.7, tokens: 1000 * 0.95 ** i })), { max_em_drop: 0.02, em_per_token_percent: null }), null, 'a cut that costs nothing')
  t.equal(unfavourable(readings(9, (i) => ({ em: 0.7 - 0.005 * i, tokens: 1000 })), { max_em_drop: 0.02, em_per_token_percent: null }), null, 'no cut')
  t.equal(unfavourable([], { max_em_drop: 0.02, em_per_token_percent: null }), null)
})

t.test('or each percent of tokens more than the policy\'s price, where it has one', async (t) => {
  const { figures } = unfavourable(run, { max_em_drop: 0.2, em_per_token_percent: 0.0009 })!
  t.ok(Math.abs(figures.em_per_token_percent! - 0.005 * Math.log(0.99) / Math.log(0.95)) < 1e-6, 'half a point for 5 %')
  t.equal(figures.em_per_token_percent_allowed, 0.0009)
  const rising = readings(9, (i) => ({ em: 0.6 + 0.005 * i, tokens: 1000 * 1.05 ** i }))
  t.equal(unfavourable(rising, { max_em_drop: 0.2, em_per_token_percent: 0.0009 }), null, 'tokens that rise are no cut, whatever they buy')
  for (const em_per_token_percent of [0.0011, null]) t.equal(unfavourable(run, { max_em_drop: 0.2, em_per_token_percent }), null)
})

t.test('or than its price in the value of an answer', async (t) => {
  const tokens = run.at(-1)!.tokens
  const priced = (value_of_em: number, em_per_token_percent: number | null = null) =>
    unfavourable(run, { max_em_drop: 0.2, em_per_token_percent, value_of_em, price_per_1k_tokens: 0.01 })
  const worth = (share: number) => tokens / 100 * 0.01 / 1000 / share
  t.ok(Math.abs(priced(worth(0.0009))!.figures.em_per_token_percent_allowed! - 0.0009) < 1e-12)
  t.equal(priced(worth(0.0011)), null)
  t.equal(priced(worth(0.0009), 0.0011), null, 'what is stated comes first')
  t.equal(priced(0), null)
})
