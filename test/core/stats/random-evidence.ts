import fc from 'fast-check'
import type { Evidence } from '../../../src/core/stats/evidence.js'
import { GRID } from '../../../src/core/decide/grid.js'

export const EMPTY_GRID: readonly number[] = GRID.map(() => 0)

/** Evidence with these counts at every threshold, each generation 1,000 tokens long; tokens saved as fractions. */
export function evidenceWith (generations: number, lost: readonly number[], saved: readonly number[], gained = EMPTY_GRID): Evidence {
  const full_tokens = 1000 * generations
  const tokens = saved.map((ratio) => full_tokens * (1 - ratio))
  const all = { generations, full_tokens, full_em: generations, labelled: generations, unprobed_generations: 0 }
  return { ...all, lost, gained, unprobed: EMPTY_GRID, tokens }
}

/** Whatever counts: only the tokens saved are ordered, as they are by construction. */
export const anyEvidence: fc.Arbitrary<Evidence> = fc.record({
  generations: fc.integer({ min: 100, max: 3000 }),
  lost: fc.array(fc.nat({ max: 40 }), { minLength: GRID.length, maxLength: GRID.length }),
  gained: fc.array(fc.nat({ max: 40 }), { minLength: GRID.length, maxLength: GRID.length }),
  saved: fc.array(fc.integer({ min: 0, max: 100 }), { minLength: GRID.length, maxLength: GRID.length }),
}).map(({ generations, lost, gained, saved }) =>
  evidenceWith(generations, lost, saved.sort((a, b) => a - b).map((percent) => percent / 100), gained))
