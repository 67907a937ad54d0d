import type { Random } from '../src/cli/traces/seeded-random.js'
import { type Profile, REASONER, simulateGeneration } from '../src/cli/traces/simulated-generation.js'
import { GRID } from '../src/core/decide/grid.js'

/** A context in which stopping loses exactly this much EM at every threshold and step, to test that certificates detect it. */
export function plantedProfile (emDrop: number): Profile {
  return {
    ...REASONER,
    context: { model: 'planted', task: 'planted' },
    start: { mean: 0, deviation: 0 },
    step: { drift: 0, deviation: 0 },
    confidence: { scale: 1, shift: 9, noise: 0 },
    lateGain: emDrop,
  }
}

export type TruthRow = ReturnType<typeof truthOf>[number]

/**
 * The truth by Monte Carlo over the hidden chances instead of the drawn answers, which has less variance. It does not use the evidence of
 * the core, which it serves to check.
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
