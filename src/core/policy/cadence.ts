/** When a worker asks for decisions: tokens, and the least distance to the next check as a part of the tokens so far. */
export interface Cadence { readonly checkEveryTokens: number, readonly checkGrowth: number, readonly minTokens: number }

/** Keeps a product such as 320 * 1.1 from being rounded up past the multiple that it is. */
const SLACK = 1e-9

/**
 * The next multiple of the cadence above `tokens`, at least `checkGrowth` times the tokens later, and not below `minTokens`. It is the same
 * in both arms.
 */
export function nextCheckTokens ({ checkEveryTokens: every, checkGrowth: growth, minTokens }: Cadence, tokens: number): number {
  const grown = growth === 0 ? 0 : Math.ceil(tokens * (1 + growth) / every - SLACK) * every
  return Math.max((Math.floor(tokens / every) + 1) * every, grown, Math.ceil(minTokens / every) * every)
}
