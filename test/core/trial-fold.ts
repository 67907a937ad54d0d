import type { Predictor } from '../../src/core/predictor/predictor.js'
import type { MemoryFold } from './memory-fold.js'

/** A predictor takes the field, or leaves it. */
export function addPredictor (fold: MemoryFold, predictor: Predictor, time = 1, by = 'ops'): void {
  fold.learn({ type: 'predictor', name: predictor.name, version: { predictor, created_at: time, by, retired_at: null }, by }, time)
}

export function retirePredictor (fold: MemoryFold, predictor: Predictor, time = 1): void {
  fold.learn({ type: 'predictor', name: predictor.name, version: { predictor, created_at: 0, by: 'ops', retired_at: time }, by: 'ops' }, time)
}
