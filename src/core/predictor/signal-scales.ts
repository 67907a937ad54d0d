import type { SignalScale } from './predictor.js'
import type { Sample } from './sample.js'

/** The largest number of signals of a predictor: as many as a step may have. */
const MAX_SIGNALS = 16
/** A signal is used only if at least this share of the generations, and at least this many, have it. */
const MIN_SHARE = 0.05
const MIN_GENERATIONS = 20

interface Tally { generations: number, weight: number, sum: number, squares: number }

/**
 * Mean and standard deviation of each usable signal, sorted by name. Every generation has the same weight. Rare and constant signals are
 * left out.
 */
export function signalScales (samples: readonly Sample[]): SignalScale[] {
  const tallies = new Map<string, Tally>()
  for (const { steps } of samples) {
    const seen = new Set<string>()
    for (const { signals = {} } of steps) {
      for (const [name, value] of Object.entries(signals)) {
        if (!Number.isFinite(value)) continue
        let tally = tallies.get(name)
        if (tally === undefined) tallies.set(name, tally = { generations: 0, weight: 0, sum: 0, squares: 0 })
        if (!seen.has(name)) { seen.add(name); tally.generations++ }
        tally.weight += 1 / steps.length
        tally.sum += value / steps.length
        tally.squares += value * value / steps.length
      }
    }
  }
  return [...tallies]
    .filter(([, { generations }]) => generations >= Math.max(MIN_GENERATIONS, MIN_SHARE * samples.length))
    .sort(([a, x], [b, y]) => y.generations - x.generations || (a < b ? -1 : 1))
    .map(([name, { weight, sum, squares }]) => ({ name, mean: sum / weight, scale: Math.sqrt(squares / weight - (sum / weight) ** 2) }))
    .filter(({ mean, scale }) => Number.isFinite(scale) && scale > 1e-6 * Math.max(1, Math.abs(mean)))
    .slice(0, MAX_SIGNALS)
    .sort((a, b) => a.name < b.name ? -1 : 1)
}
