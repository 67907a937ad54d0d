import { VERDICTS, type VerdictName } from '../../src/core/training/run.js'
import type { Reading } from '../../src/core/training/readings.js'
import { count, percent, spread, table } from './summary.js'
import { coverageOf, drawRun, FEW_QUESTIONS, RUNS, suspendAndReplay, watchRun } from './training-runs.js'

const VERDICT_NAMES = Object.keys(VERDICTS) as VerdictName[]

/** For each kind of run: the checkpoints that its verdict needs, the rate of false verdicts, and the coverage of forecasts. */
export function trainingTable (seeds: readonly number[]): string {
  const kinds = [...RUNS, ...FEW_QUESTIONS].flatMap((kind) => [false, ...(kind.due === 'overthinking' ? [true] : [])].map((isReplayed) => ({ kind, isReplayed })))
  return table(['run', 'verdict due', 'given in', 'checkpoints needed', 'false verdicts, share of runs', 'forecasts that held, of 90 %: EM, tokens'],
    kinds.map(({ kind, isReplayed }) => {
      const drawn = seeds.map((seed) => isReplayed ? suspendAndReplay(kind, seed, false).readings : drawRun(kind, seed))
      const runs = drawn.map((readings) => watchRun(kind, readings))
      const found = runs.filter(({ needed }) => needed < Infinity)
      const wrong = VERDICT_NAMES.map((name) => [name, runs.filter((run) => run.wrong.has(name)).length / runs.length] as const)
      return [
        `${kind.name}${isReplayed ? '; suspended and replayed' : ''}`,
        kind.due ?? 'none',
        kind.due === null ? '-' : `${percent(found.length / runs.length)} %`,
        kind.due === null ? '-' : spread(runs.map(({ needed }) => needed)),
        wrong.filter(([, share]) => share > 0).map(([name, share]) => `${name} ${percent(share)} %`).join(', ') || 'none',
        heldIn(drawn),
      ]
    }))
}

/** How often `same_level` is given: falsely in the healthy run, whose checkpoints differ by a point, and rightly at a standstill. */
export function sameLevelRates (seeds: readonly number[]): string {
  const rates = RUNS.filter(({ name }) => /^(healthy|standstill)/.test(name)).map((kind) => {
    const runs = seeds.map((seed) => watchRun(kind, drawRun(kind, seed)))
    const looks = seeds.length * (kind.checkpoints - 1)
    const said = runs.reduce((sum, { same }) => sum + same.said, 0)
    return `${kind.name}: given at ${percent(said / looks)} % of ${count(looks)} checkpoints`
  })
  return `same_level compares two measurements; ${rates.join('; ')}`
}

function heldIn (drawn: readonly Reading[][]): string {
  const all = drawn.map(coverageOf)
  return (['em', 'tokens'] as const).map((figure) => {
    const sum = (field: 'held_out' | 'covered') => all.reduce((total, one) => total + one[figure][field], 0)
    return `${percent(sum('covered') / sum('held_out'))} %`
  }).join(', ')
}
