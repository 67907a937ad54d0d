/** Geometric mean probability of a forced answer's tokens; `null` without tokens. */
export function meanProbability (logprobs: ReadonlyArray<number | null>): number | null {
  const known = logprobs.filter((value) => value !== null && Number.isFinite(value)) as number[]
  if (known.length === 0 || known.length < logprobs.length) return null
  return Math.exp(known.reduce((sum, value) => sum + value, 0) / known.length)
}
