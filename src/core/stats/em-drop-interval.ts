import { BETS, EIGHTHS, LOG_WEIGHTS, type Differences } from './certificate.js'

/** Precision of the ends, and the distance from 1 up to which they are searched. */
const PRECISION = 1e-6
const FURTHEST = -Math.log(PRECISION)
/** Limit on the steps of Newton's method; a dozen suffice. */
const MAX_ITERATIONS = 100

/** Units by their difference, from -1 to 1. */
type Counts = ReadonlyArray<readonly [difference: number, units: number]>

/**
 * Interval for the mean EM drop that stays valid however often one looks: the tolerances that are refuted at level/2 neither by the
 * differences nor by their mirror image (losses and gains exchanged).
 * @returns fractions; [-1, 1] without units, and for invalid counts or an invalid level
 */
export function emDropInterval ({ lost, kept, gained, partial = [] }: Differences, level: number): { low: number, high: number } {
  const parts = partial.map(([eighths, units]) => [eighths / EIGHTHS, units] as const)
  const counts: Counts = [[1, lost], [0, Math.max(0, kept)], [-1, gained], ...parts]
  const isValid = counts.every(([, units]) => units >= 0 && units < Infinity) && level > 0 && level <= 1
  if (!isValid) return { low: -1, high: 1 }
  const logBar = Math.log(2 / level)
  const mirrored = counts.map(([difference, units]) => [-difference, units] as const)
  return { low: -upperEnd(mirrored, logBar), high: upperEnd(counts, logBar) }
}

/**
 * Least tolerance a at which ln E >= logBar; 1 if there is none. With s = 1/(1-a) the factor of a difference d is 1 - c + c s (1 - d), so
 * ln E rises with ln s and is convex in it. Newton's method overshoots once, then approaches the root from above, so its result is refuted.
 */
function upperEnd (counts: Counts, logBar: number): number {
  const total = counts.reduce((sum, [, units]) => sum + units, 0)
  const lost = counts.reduce((sum, [difference, units]) => sum + difference * units, 0)
  if (counts.every(([difference, units]) => difference === 1 || units === 0)) return 1 // E does not depend on a
  let t = Math.min(FURTHEST, -Math.log1p(Math.max(-1, -lost / total))) // start at the observed drop
  for (let step = 0; step < MAX_ITERATIONS; step++) {
    const { log, slope } = logEvidenceAt(t, counts)
    if (log <= logBar && t === FURTHEST) break
    const next = Math.min(FURTHEST, t - (log - logBar) / slope)
    const isThere = (next < FURTHEST || t === FURTHEST) && Math.abs(Math.exp(-next) - Math.exp(-t)) < PRECISION
    t = next
    if (isThere) return 1 - Math.exp(-t)
  }
  return 1
}

const logs = new Float64Array(BETS.length)
const slopes = new Float64Array(BETS.length)

/** ln E and its derivative at t = ln s. */
function logEvidenceAt (t: number, counts: Counts): { log: number, slope: number } {
  const s = Math.exp(t)
  let top = -Infinity
  for (let i = 0; i < BETS.length; i++) {
    const c = BETS[i]!
    let [log, slope] = [LOG_WEIGHTS[i]!, 0]
    for (const [difference, units] of counts) {
      if (units === 0) continue
      const share = c * s * (1 - difference)
      log += units * Math.log(1 - c + share)
      slope += units * share / (1 - c + share)
    }
    logs[i] = log
    slopes[i] = slope
    if (log > top) top = log
  }
  let [sum, slope] = [0, 0]
  for (let i = 0; i < BETS.length; i++) {
    const part = Math.exp(logs[i]! - top)
    sum += part
    slope += part * slopes[i]!
  }
  return { log: top + Math.log(sum), slope: slope / sum }
}
