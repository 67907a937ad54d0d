import type { Step } from '../../src/core/decide/step.js'
import { mulberry32 } from '../../test/random.js'
import { leafOf } from '../../test/store/seeded-state.js'

/** Steps as workers send them. One in ten is of the control arm; one in thirty is a first step, whose arm is to be drawn. */
export function stepsOf (count: number, contexts: number, seed = 1): Step[] {
  const random = mulberry32(seed)
  return Array.from({ length: count }, (_, i) => ({
    generation_id: `generation-${seed}-${i}`,
    ...(random() > 1 / 30 && { arm: random() < 0.1 ? 'control' as const : 'treated' as const }),
    tokens: 32 * Math.floor(1 + random() * 60),
    confidence: random(),
    context: leafOf(Math.floor(random() * contexts)),
  }))
}

export const json = (values: readonly unknown[]): string[] => values.map((value) => JSON.stringify(value))
