import type { Reading } from '../../../src/core/training/readings.js'

/** Noise-free readings that test each rule by itself. research/simulation/training-runs.test.ts tests the rules under noise. */
export const readings = (count: number, at: (i: number) => Partial<Reading>): Reading[] =>
  Array.from({ length: count }, (_, i) => ({ step: 100 * i, em: 0.7, stderr: 0.01, tokens: 1000, n: 1000, truncated: 0, ...at(i) }))
