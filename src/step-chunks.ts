import type { Step } from './core/decide.js'

/**
 * Steps and generations that go to the store at a time: decisions are answered in between. A generation costs the store as much as some ten
 * steps, so that all the steps of one go together.
 */
const CHUNK = { steps: 4096, generations: 256 }

export type ByGeneration<T> = Map<string, T[]>

/** Steps that have a generation id in parts that the store may be given at a time; those of a generation stay in order. */
export function chunked (steps: readonly Step[]): Array<ByGeneration<Step>> {
  const all: ByGeneration<Step> = new Map()
  for (const step of steps) {
    const same = all.get(step.generation_id!)
    if (same === undefined) all.set(step.generation_id!, [step]); else same.push(step)
  }
  const chunks: Array<ByGeneration<Step>> = []
  let chunk: ByGeneration<Step> = new Map()
  let taken = CHUNK.steps
  for (const [id, some] of all) {
    for (let i = 0; i < some.length; i += CHUNK.steps) {
      const part = some.slice(i, i + CHUNK.steps)
      if (taken + part.length > CHUNK.steps || chunk.size === CHUNK.generations) {
        chunks.push(chunk = new Map())
        taken = 0
      }
      chunk.set(id, part)
      taken += part.length
    }
  }
  return chunks
}
