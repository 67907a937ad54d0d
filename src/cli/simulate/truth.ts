import { GRID } from '../../core/certificate/grid.js'
import type { Random } from '../traces/seeded-random.js'
import { simulateGeneration, type Profile } from './simulate-generation.js'

export type TruthRow = ReturnType<typeof truthOf>[number]

/**
 * The truth by Monte Carlo over the hidden chances instead of the drawn answers, which has less variance. It does not use the core's
 * evidence, since it serves to check that.
 * @returns the true effect of each threshold, as fractions
 */
export function truthOf (profile: Profile, generations: number, random: Random) {
  const sums = GRID.map(() => ({ drop: 0, square: 0, tokens: 0, stopped: 0 }))
  let fullTokens = 0
  for (let i = 0; i < generations; i++) {
    const { tokens, chance, steps } = simulateGeneration(random, profile)
    fullTokens += tokens
    for (const [k, threshold] of GRID.entries()) {
      const sum = sums[k]!
      const stop = steps.find(({ confidence }) => confidence >= threshold)
      if (stop === undefined) { sum.tokens += tokens; continue }
      const drop = chance - stop.chance
      sum.drop += drop
      sum.square += drop * drop
      sum.tokens += Math.min(stop.tokens + profile.answerTokens, tokens)
      sum.stopped++
    }
  }
  return sums.map(({ drop, square, tokens, stopped }, k) => {
    const mean = drop / generations
    return {
      threshold: GRID[k]!,
      em_drop: mean,
      /** Of `em_drop`. */
      standard_error: Math.sqrt(Math.max(0, square / generations - mean * mean) / generations),
      tokens_saved_ratio: 1 - tokens / fullTokens,
      stopped_ratio: stopped / generations,
    }
  })
}
