import fc from 'fast-check'
import type { Test } from 'tap'

/** Asserts a property on the same draws every time; throws with the smallest counterexample. */
export function holds<T> (t: Test, property: fc.IProperty<T>, numRuns = 200): void {
  fc.assert(property, { seed: 20_240_601, numRuns })
  t.pass(`holds for ${numRuns} draws`)
}
