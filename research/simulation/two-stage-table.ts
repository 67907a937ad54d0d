import { readTraces } from '../../src/cli/traces/read-traces.js'
import { mean, percent, points, standardError, table } from './summary.js'
import { compareStages } from './two-stages.js'

/**
 * The gain of a probe schedule in two stages on recorded generations, as Markdown.
 * @param file recorded generations that were probed every 4 tokens
 * @param free names of their signals that cost no tokens
 */
export async function twoStageTable (file: string, free: readonly string[], seeds: readonly number[]): Promise<string> {
  const runs = await readTraces([file])
  const names = new Set(runs.map(({ outcome }) => JSON.stringify(outcome.context)))
  const contexts = [...names].map((name) => runs.filter(({ outcome }) => JSON.stringify(outcome.context) === name))
  const rows = [1, 4].flatMap((probe) => [false, true].map((withPredictor) => {
    const figures = seeds.map((seed) => compareStages(contexts, probe, free, withPredictor, seed))
    const gains = figures.map(({ cadence, twoStages }) => twoStages.saved - cadence.saved)
    const columns = (['cadence', 'twoStages'] as const).flatMap((way) =>
      [percent(mean(figures.map((one) => one[way].saved))), points(mean(figures.map((one) => one[way].lost)))])
    return [String(probe), withPredictor ? 'yes' : 'no', ...columns, `${percent(mean(gains))} ± ${percent(standardError(gains))}`]
  }))
  const header = ['tokens of a probe', 'predictor', 'best cadence: saved net, %', 'EM lost, points', 'two stages: saved net, %', 'EM lost, points', 'gain, %']
  return `## Two stages, ${runs.length} generations of ${file}\n${table(header, rows)}`
}
