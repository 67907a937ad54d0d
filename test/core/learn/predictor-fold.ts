import type { LoggedOutcome } from '../../../src/core/outcome/outcome.js'
import type { Predictor } from '../../../src/core/scores/predictor.js'
import { PREDICTOR } from '../decide/snapshot-of.js'
import { type MemoryFold, outcomeOf } from './memory-fold.js'

/** Surest where the signal is high, whatever the confidence; its loosest threshold is crossed by a signal of 0. */
export const BY_SIGNAL = {
  ...PREDICTOR,
  signals: [{ name: 'sure', mean: 0, scale: 1 }],
  contexts: { '*': { log_median: Math.log(100), weights: [0, 0, 0, 0, 1] } },
}

export const LATE_STEP = { tokens: 90, confidence: 1, exact_match: 1, signals: { sure: 0 } } as const

/** The predictor would stop it at 10 of 100 tokens, the raw confidence at 90. */
export const early = (overrides: Partial<LoggedOutcome> = {}) => outcomeOf({
  steps: [{ tokens: 10, confidence: 0, exact_match: 1, signals: { sure: 8 } }, LATE_STEP],
  ...overrides,
})

/** Adds a predictor. */
export function addPredictor (fold: MemoryFold, predictor: Predictor, time = 1, by = 'ops'): void {
  fold.learn({ type: 'predictor', name: predictor.name, version: { predictor, created_at: time, by, retired_at: null }, by }, time)
}

export function retirePredictor (fold: MemoryFold, predictor: Predictor, time = 1): void {
  fold.learn({ type: 'predictor', name: predictor.name, version: { predictor, created_at: 0, by: 'ops', retired_at: time }, by: 'ops' }, time)
}
