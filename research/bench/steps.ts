import type { Step } from '../../src/core/decide/decide.js'
import type { Columns } from '../../src/core/decide/decide-columns.js'
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

/** The same steps as an engine sends them: the rows of a batch belong to a few contexts. */
export function columnsOf (count: number, seed = 1): Columns {
  const steps = stepsOf(count, 4, seed)
  return {
    contexts: Array.from({ length: 4 }, (_, i) => leafOf(i)),
    context: steps.map((_, i) => i % 4),
    tokens: steps.map(({ tokens }) => tokens),
    confidence: steps.map(({ confidence }) => confidence),
    generation_ids: steps.map(({ generation_id, arm }) => arm === 'treated' ? null : generation_id!),
    arms: steps.map(({ arm }) => arm ?? null),
  }
}

export const json = (values: readonly unknown[]): string[] => values.map((value) => JSON.stringify(value))
