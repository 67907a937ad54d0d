import type { Predictor } from '../core/predictor/predictor.js'
import type { Fit } from './trainer.js'
import type { FitResult } from '../core/predictor/fit-end.js'

type FitOne = (fit: Fit, signal: AbortSignal) => Promise<Predictor | null>

/** The same fit, told of when it has ended; one that was dropped, since the service closes, has not. */
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
