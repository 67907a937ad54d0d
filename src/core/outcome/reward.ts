import { murmur3 } from '../decide/hash.js'
import { EIGHTHS } from '../stats/certificate.js'
import type { Em } from '../decide/step.js'

/** Grades the answers of one generation by their rewards in [0, 1]. */
interface RewardGrader {
  /** Right with a chance of `reward`. */
  em (reward: number): Em
  /** What an answer of this reward would have lost against the final answer, in [-8, 8] eighths. */
  eighthsLost (reward: number): number
}

/**
 * Rewards as grades. An answer of reward r counts as right with chance r, by one draw for all answers of a generation, so that the mean
 * difference of two answers is that of their rewards. For the evidence, where the size of a difference matters too, it is rounded to an
 * eighth by another draw, which keeps its mean.
 * @param generation its id, with a salt
 * @param final reward of the final answer, in [0, 1]
 */
export function rewardGrader (generation: string, final: number): RewardGrader {
  const draw = murmur3(`reward:${generation}`) / 0x1_0000_0000
  const rounding = murmur3(`reward:${generation}:eighth`) / 0x1_0000_0000
  return {
    em: (reward) => draw < reward ? 1 : 0,
    eighthsLost: (reward) => Math.floor(EIGHTHS * (final - reward) + rounding),
  }
}
