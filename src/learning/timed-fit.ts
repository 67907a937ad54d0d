import type { Predictor } from '../core/predictor/predictor.js'
import type { Fit } from './predictor-trainer.js'
import type { FitResult } from '../core/predictor/fit-result.js'

type FitOne = (fit: Fit, signal: AbortSignal) => Promise<Predictor | null>

/** Wraps a fit so that `onFit` is called with its result and duration, unless it was aborted because the service closes. */
export function timedFit (fit: FitOne, onFit: (end: FitResult) => void): FitOne {
  return async (what, signal) => {
    const startedAt = performance.now()
    let result: FitResult['result'] = 'failed'
    try {
      const predictor = await fit(what, signal)
      result = predictor === null ? 'none' : 'trained'
      return predictor
    } finally {
      if (!signal.aborted) onFit({ result, seconds: (performance.now() - startedAt) / 1000 })
    }
  }
}
