import fc from 'fast-check'
import type { Test } from 'tap'

/** Asserts a property on the same draws every time; throws with the smallest counterexample. */
export function holds<T> (t: Test, property: fc.IProperty<T>, numRuns = 200): void {
  fc.assert(property, { seed: 20_240_601, numRuns })
  t.pass(`holds for ${numRuns} draws`)
}

/** Number of runs of a test: `quick` in npm test, `full` in test/slow/full-runs.test.ts. */
export function numRuns (quick: number, full: number): number { return process.env.FULL_RUNS === 'true' ? full : quick }
