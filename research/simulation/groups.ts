import { BETS, LOG_WEIGHTS } from '../../src/core/stats/certificate.js'
import { murmur3 } from '../../src/core/decide/hash.js'
import { DEFAULT_POLICY } from '../../src/core/policy/policy.js'

// How many groups of samples a certificate takes, and what it costs to round the mean difference of a group to a part of one.

export interface GroupTraffic {
  /** Samples of each group. */
  readonly samples: number
  /** Expected EM drop of a sample. */
  readonly drop: number
  /** Share of the prompts on which stopping may lose anything: 1 if samples are independent, less if those of a prompt are similar. */
  readonly risky: number
}

/** The mean difference of a group, rounded at random to a whole part as `meanUnit` does. @param parts 8: eighths; `null`: not rounded */
export function roundedMean (lost: number, samples: number, parts: number | null, u: number): number {
  return parts === null ? lost / samples : Math.floor(parts * lost / samples + murmur3(`round:${u}`) / 0x1_0000_0000) / parts
}

/**
 * Groups until each rounding reaches the bar at one threshold, under the default policy; Infinity: not within `most`. All of them see the
 * same groups.
 */
export function groupsNeeded (
  random: () => number, { samples, drop, risky }: GroupTraffic, roundings: ReadonlyArray<number | null>, most: number): number[] {
  const { max_em_drop: bound, error_level: level } = DEFAULT_POLICY
  const logs = roundings.map(() => [...LOG_WEIGHTS])
  const needed = roundings.map(() => Infinity)
  for (let n = 1; n <= most && needed.includes(Infinity); n++) {
    const chance = random() < risky ? drop / risky : 0
    let lost = 0
    for (let i = 0; i < samples; i++) if (random() < chance) lost++
    const u = random()
    for (const [r, parts] of roundings.entries()) {
      if (needed[r] !== Infinity) continue
      const difference = roundedMean(lost, samples, parts, u)
      const its = logs[r]!
      for (const [i, c] of BETS.entries()) its[i]! += Math.log1p(c / (1 - bound) * (bound - difference))
      if (its.reduce((sum, log) => sum + Math.exp(log), 0) >= 1 / level) needed[r] = n
    }
  }
  return needed
}
