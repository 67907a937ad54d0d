import { Gauge, type Registry } from 'prom-client'
import type { FitResult } from '../core/predictor/fit-result.js'
import type { ChainLink } from '../core/judgement/chain-link.js'
import { presetCounter } from './preset-counter.js'

/** The state of a context that these metrics need. */
export type ScoringLink = Pick<ChainLink, 'threshold' | 'scorer' | 'trials'>

/** Counts the fits of predictors in this process. */
export function countFits (registers: Registry[]): (end: FitResult) => void {
  const fits = presetCounter(registers, 'stopgate_predictor_fits_total',
    'Predictor fits of this replica as the learner, by result: trained, none (nothing to learn), failed', 'result', ['trained', 'none', 'failed'])
  const duration = new Gauge({ name: 'stopgate_predictor_fit_duration_seconds', help: 'Duration of the last predictor fit of this replica; 0 if there was none', registers })
  const trainedAt = new Gauge({
    name: 'stopgate_predictor_trained_timestamp_seconds', help: 'Unix time at which this replica last trained a predictor; 0 if it has not since its start', registers,
  })
  return ({ result, seconds }) => {
    fits.inc({ result })
    duration.set(seconds)
    if (result === 'trained') trainedAt.setToCurrentTime()
  }
}

/** Gauges for each predictor. @param live names of the predictors that are not retired */
export function watchPredictors (registers: Registry[], live: () => Iterable<string>, links: () => Iterable<ScoringLink>): void {
  const labelNames = ['scorer'] as const
  new Gauge({ // eslint-disable-line no-new
    name: 'stopgate_predictors', help: 'Number of predictors that are not retired', registers, collect () { this.set([...live()].length) },
  })
  new Gauge({ // eslint-disable-line no-new
    name: 'stopgate_scorer_serving_contexts',
    help: 'Number of contexts whose own certified threshold applies to this score (confidence, or the name of a predictor)',
    labelNames,
    registers,
    collect () {
      this.reset()
      for (const scorer of ['confidence', ...live()]) this.set({ scorer }, 0)
      for (const { threshold, scorer } of links()) if (threshold !== null) this.inc({ scorer: scorer ?? 'confidence' })
    },
  })
  new Gauge({ // eslint-disable-line no-new
    name: 'stopgate_scorer_trial_contexts',
    help: 'Number of contexts in which this predictor is on trial',
    labelNames,
    registers,
    collect () {
      this.reset()
      for (const scorer of live()) this.set({ scorer }, 0)
      for (const { trials } of links()) for (const scorer of trials) this.inc({ scorer })
    },
  })
}
