import t from 'tap'
import { costlyShortening } from '../../../src/core/training/costly-shortening.js'
import { readings } from './readings.js'

const run = readings(9, (i) => ({ em: 0.7 - 0.005 * i, tokens: 1000 * 0.95 ** i }))

t.test('the verdict is given if the next cut exceeds the total drop that the policy allows', async (t) => {
  const { figures } = costlyShortening(run, { max_em_drop: 0.02, em_per_token_percent: null })!
  t.ok(Math.abs(figures.next_cut_ratio! - 0.05) < 1e-9)
  t.ok(Math.abs(figures.next_em_cost! - 0.005) < 1e-9)
  t.equal(figures.max_em_drop, 0.02)
  t.equal(costlyShortening(run, { max_em_drop: 0.2, em_per_token_percent: null }), null, 'a policy that allows the drop')
  t.equal(costlyShortening(readings(9, (i) => ({ em: 0.7, tokens: 1000 * 0.95 ** i })), { max_em_drop: 0.02, em_per_token_percent: null }), null, 'a cut that costs nothing')
  t.equal(costlyShortening(readings(9, (i) => ({ em: 0.7 - 0.005 * i, tokens: 1000 })), { max_em_drop: 0.02, em_per_token_percent: null }), null, 'no cut')
  t.equal(costlyShortening([], { max_em_drop: 0.02, em_per_token_percent: null }), null)
})

t.test('the verdict is given if a percent of tokens costs more than the price stated by the policy', async (t) => {
  const { figures } = costlyShortening(run, { max_em_drop: 0.2, em_per_token_percent: 0.0009 })!
  t.ok(Math.abs(figures.em_per_token_percent! - 0.005 * Math.log(0.99) / Math.log(0.95)) < 1e-6, 'half a point for 5 %')
  t.equal(figures.em_per_token_percent_allowed, 0.0009)
  const rising = readings(9, (i) => ({ em: 0.6 + 0.005 * i, tokens: 1000 * 1.05 ** i }))
  t.equal(costlyShortening(rising, { max_em_drop: 0.2, em_per_token_percent: 0.0009 }), null, 'rising tokens are not a cut')
  for (const em_per_token_percent of [0.0011, null]) t.equal(costlyShortening(run, { max_em_drop: 0.2, em_per_token_percent }), null)
})

t.test('the verdict is given if a percent of tokens costs more than the value of an answer implies', async (t) => {
  const tokens = run.at(-1)!.tokens
  const priced = (value_of_em: number, em_per_token_percent: number | null = null) =>
    costlyShortening(run, { max_em_drop: 0.2, em_per_token_percent, value_of_em, price_per_1k_tokens: 0.01 })
  const worth = (share: number) => tokens / 100 * 0.01 / 1000 / share
  t.ok(Math.abs(priced(worth(0.0009))!.figures.em_per_token_percent_allowed! - 0.0009) < 1e-12)
  t.equal(priced(worth(0.0011)), null)
  t.equal(priced(worth(0.0009), 0.0011), null, 'a stated price takes precedence')
  t.equal(priced(0), null)
})
