import type { Policy } from './policy.js'

export type Prices = Pick<Policy, 'em_per_token_percent'> & Partial<Pick<Policy, 'value_of_em' | 'price_per_1k_tokens'>>

/**
 * How much EM (a fraction) saving one more percent of the tokens may cost: the policy's own figure, else the price of the tokens over the
 * value of a right answer. `null` where neither is stated.
 * @param tokens mean tokens of a generation; NaN where unknown
 */
export function allowedPrice (tokens: number, prices: Prices): number | null {
  const { em_per_token_percent: stated, value_of_em: value = null, price_per_1k_tokens: price = null } = prices
  if (stated !== null) return stated
  if (value === null || price === null || value === 0 || Number.isNaN(tokens)) return null
  return tokens / 100 * price / 1000 / value
}
