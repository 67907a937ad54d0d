import type { Policy } from '../policy/policy.js'

/**
 * The distance of checks where the policy leaves it to the service (`check_every_tokens: "auto"`): eight times the tokens that the probe of
 * a check takes, so that probes take at most an eighth of the tokens.
 *
 * It is measured by control generations, which report every check, and it moves only where that cannot mix evidence of two cadences for
 * long: once when the first generations have reported, and when an epoch begins.
 */
export interface CheckDistance {
  /** The distance in force, tokens. */
  readonly tokens: number
  /** The control generations that stated the cost of their probes, their checks, and the tokens of their probes. */
  readonly generations: number
  readonly checks: number
  readonly probe_tokens: number
}

/** The distance before the cost of probes is known, and the least one. Distances are its multiples. */
const LEAST = 16
/** The greatest one. Beyond it most generations would end before their first check, and nothing would ever be measured again. */
const GREATEST = 1024

/** Tokens from one check to the next for each token of a probe. */
const TOKENS_PER_PROBE_TOKEN = 8

/** Generations by which the distance is set first. */
const ENOUGH = 4
/** Generations from which the sums are halved, so that they follow other probes. */
const MOST = 64

export const FIRST_DISTANCE: CheckDistance = { tokens: LEAST, generations: 0, checks: 0, probe_tokens: 0 }

/** The distance at which probes of a mean number of tokens are made. */
export function distanceForProbes (meanTokens: number): number {
  return Math.min(GREATEST, LEAST * Math.max(1, Math.round(TOKENS_PER_PROBE_TOKEN * meanTokens / LEAST)))
}

/** Adds a control generation. @param probeTokens tokens of the probes of all its checks; `undefined`: they are free, or were not stated */
export function addProbes (distance: CheckDistance, checks: number, probeTokens: number | undefined): CheckDistance {
  if (checks === 0 || probeTokens === undefined) return distance
  const generations = distance.generations + 1
  const scale = generations === MOST ? 0.5 : 1
  const next = {
    tokens: distance.tokens,
    generations: scale * generations,
    checks: scale * (distance.checks + checks),
    probe_tokens: scale * (distance.probe_tokens + probeTokens),
  }
  return generations === ENOUGH ? measured(next) : next
}

/** The distance with which an epoch begins whose probes are as before. */
export function distanceAfter (distance: CheckDistance): CheckDistance {
  return distance.generations < ENOUGH ? distance : measured(distance)
}

function measured (distance: CheckDistance): CheckDistance {
  return { ...distance, tokens: distanceForProbes(distance.probe_tokens / distance.checks) }
}

/**
 * Tokens between the checks of a leaf under its policy. A number that only its pool states does not replace `auto`.
 * @param distance of the context that certifies for it; `undefined`: it is new
 */
export function checkEveryTokens ({ check_every_tokens: every }: Pick<Policy, 'check_every_tokens'>, distance: CheckDistance | undefined): number {
  return every === 'auto' ? (distance ?? FIRST_DISTANCE).tokens : every
}
