import type { Policy } from './policy.js'

export type Prices = Pick<Policy, 'em_per_token_percent'> & Partial<Pick<Policy, 'value_of_em' | 'price_per_1k_tokens'>>

/**
 * EM that one more percent of tokens may cost: what the policy says, else what its prices come to, the tokens' price over the answer's
 * value. `null` where neither is stated.
 * @param tokens mean ones of a generation; NaN: not known
 */
export function allowedPrice (tokens: number, prices: Prices): number | null {
  const { em_per_token_percent: stated, value_of_em: value = null, price_per_1k_tokens: price = null } = prices
  if (stated !== null) return stated
  if (value === null || price === null || value === 0 || Number.isNaN(tokens)) return null
  return tokens / 100 * price / 1000 / value
}
