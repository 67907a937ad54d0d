import { median } from '../predictor/median.js'
import { scatterOf, type Reading } from './reading.js'

/** EM and tokens of a block of consecutive checkpoints. */
export type Level = Readonly<ReturnType<typeof levelOf>>

/** Checkpoints in a block. */
export const BLOCK = 3

/**
 * The level of a block: the precision-weighted mean of EM, and the median of the tokens.
 * @param scatter lower bound on the standard errors, for checkpoints that scatter more than these say (see `scatterOf`)
 */
export function levelOf (block: readonly Reading[], scatter: number) {
  const weights = block.map(({ stderr }) => 1 / Math.max(stderr, scatter) ** 2)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return {
    /** Of the middle checkpoint. */
    step: block[block.length >> 1]!.step,
    em: block.reduce((sum, { em }, i) => sum + em * weights[i]!, 0) / total,
    stderr: 1 / Math.sqrt(total),
    tokens: median(block.map(({ tokens }) => tokens)),
  }
}

/** The levels of all blocks of consecutive checkpoints, oldest first. */
export function levelsOf (readings: readonly Reading[]): Level[] {
  const scatter = scatterOf(readings.map(({ em }) => em))
  return readings.slice(BLOCK - 1).map((_, i) => levelOf(readings.slice(i, i + BLOCK), scatter))
}

/** The highest level by a measure, the latest of equals; `undefined` if there are no levels. */
export function highest (levels: readonly Level[], measure: 'em' | 'tokens'): Level | undefined {
  let best: Level | undefined
  for (const level of levels) if (best === undefined || level[measure] >= best[measure]) best = level
  return best
}

/** How far the EM of the last checkpoint is below the best level before it; 0 if it is not. */
export function lossOf (recent: readonly Reading[]): number {
  const best = highest(levelsOf(recent.slice(0, -1)), 'em')
  return best === undefined ? 0 : Math.max(0, best.em - recent.at(-1)!.em)
}
