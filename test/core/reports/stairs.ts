import { GRID } from '../../../src/core/decide/grid.js'
import { evidenceWith } from '../stats/random-evidence.js'

/** Evidence of a step function: from thresholds 0, 10 and 20 on, 20, 40 and 60 % of tokens are saved and these generations are lost. */
export function stairs ([first, second, third]: readonly [number, number, number], generations = 1000) {
  const step = <T>(a: T, b: T, c: T) => GRID.map((_, k) => k < 10 ? a : k < 20 ? b : c)
  return evidenceWith(generations, step(first, second, third), step(0.2, 0.4, 0.6))
}

export const isClose = (x: number, y: number) => Math.abs(x - y) < 1e-9
