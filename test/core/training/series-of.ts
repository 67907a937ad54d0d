import { addReports } from '../../../src/core/training/add-reports.js'
import type { Series } from '../../../src/core/training/run.js'

/** A series of reports of 100 questions each, in order of their arrival. */
export function seriesOf (...figures: [step: number, em: number, threshold?: number][]): Series {
  let series: Series = { suite: 's', points: [], forgotten_through: null }
  for (const [time, [step, em, threshold]] of figures.entries()) {
    const checkpoint = { step, suite: 's', em, n: 100, tokens_mean: 10 * step, tokens_p50: 5, tokens_p95: 20, ...(threshold !== undefined && { threshold }) }
    series = addReports(null, new Map([['s', series]]), [{ checkpoint, key: null }], time).series.get('s') ?? series
  }
  return series
}
