import { median, scatterOf, type Reading } from './reading.js'

/** Where EM and tokens stood over a few checkpoints on end. */
export interface Level {
  /** Of the middle one. */
  readonly step: number
  readonly em: number
  readonly stderr: number
  readonly tokens: number
}

/** Checkpoints a level is made of. */
export const BLOCK = 3

/** EM weighted by its precision, the median of the tokens. Checkpoints that scatter more than their standard errors say count as such. */
export function levelOf (block: readonly Reading[], scatter: number): Level {
  const weights = block.map(({ stderr }) => 1 / Math.max(stderr, scatter) ** 2)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return {
    step: block[block.length >> 1]!.step,
    em: block.reduce((sum, { em }, i) => sum + em * weights[i]!, 0) / total,
    stderr: 1 / Math.sqrt(total),
    tokens: median(block.map(({ tokens }) => tokens)),
  }
}

/** The level of every three checkpoints on end, oldest first; none for fewer. */
export function levelsOf (readings: readonly Reading[]): Level[] {
  const scatter = scatterOf(readings.map(({ em }) => em))
  return readings.slice(BLOCK - 1).map((_, i) => levelOf(readings.slice(i, i + BLOCK), scatter))
}

/** The level that is highest by some measure, the later one of equals; `undefined` where there is none. */
export function highest (levels: readonly Level[], measure: 'em' | 'tokens'): Level | undefined {
  let best: Level | undefined
  for (const level of levels) if (best === undefined || level[measure] >= best[measure]) best = level
  return best
}

/** EM that the last checkpoint has less than the best level before it. */
export function lossOf (recent: readonly Reading[]): number {
  const best = highest(levelsOf(recent.slice(0, -1)), 'em')
  return best === undefined ? 0 : Math.max(0, best.em - recent.at(-1)!.em)
}
