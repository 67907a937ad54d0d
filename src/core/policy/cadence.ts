/** When a worker asks for decisions; both in tokens. */
export interface Cadence { readonly checkEveryTokens: number, readonly minTokens: number }

/** The next multiple of the cadence above `tokens`, and not below `minTokens`; the same in both arms. */
export function nextCheckTokens ({ checkEveryTokens: every, minTokens }: Cadence, tokens: number): number {
  return Math.max((Math.floor(tokens / every) + 1) * every, Math.ceil(minTokens / every) * every)
}
