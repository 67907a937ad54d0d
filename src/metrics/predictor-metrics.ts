import { Counter, Gauge, type Registry } from 'prom-client'
import type { FitResult } from '../core/predictor/fit-end.js'
import type { ChainLink } from '../core/judgement/chain-link.js'

/** What these metrics read of a context's link. */
export type ScoringLink = Pick<ChainLink, 'threshold' | 'scorer' | 'trials'>

const FIT_RESULTS: ReadonlyArray<FitResult['result']> = ['trained', 'none', 'failed']

/** What came of the fits of this process. */
export function countFits (registers: Registry[]): (end: FitResult) => void {
  const fits = new Counter({
    name: 'stopgate_predictor_fits_total',
    help: 'Predictors fitted by this replica as the learner, by result: trained, none (nothing to learn), failed',
    labelNames: ['result'],
    registers,
  })
  for (const result of FIT_RESULTS) fits.inc({ result }, 0)
  const duration = new Gauge({ name: 'stopgate_predictor_fit_duration_seconds', help: 'Time that its last fit took; 0: none yet', registers })
  const trainedAt = new Gauge({
    name: 'stopgate_predictor_trained_timestamp_seconds', help: 'When it last trained one, since the epoch; 0: never, or before it was started', registers,
  })
  return ({ result, seconds }) => {
    fits.inc({ result })
    duration.set(seconds)
    if (result === 'trained') trainedAt.setToCurrentTime()
  }
}

/** Who scores: as many series as predictors are kept, whatever the contexts. @param live names of the predictors that are not retired */
export function watchPredictors (registers: Registry[], live: () => Iterable<string>, links: () => Iterable<ScoringLink>): void {
  const labelNames = ['scorer'] as const
  new Gauge({ // eslint-disable-line no-new
    name: 'stopgate_predictors', help: 'Predictors that are not retired', registers, collect () { this.set([...live()].length) },
  })
  new Gauge({ // eslint-disable-line no-new
    name: 'stopgate_scorer_serving_contexts',
    help: 'Contexts whose own certified threshold is for this score: confidence, or a predictor by name',
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
    help: 'Contexts in which this predictor gathers evidence',
    labelNames,
    registers,
    collect () {
      this.reset()
      for (const scorer of live()) this.set({ scorer }, 0)
      for (const { trials } of links()) for (const scorer of trials) this.inc({ scorer })
    },
  })
}
