import { BETS, LOG_BETS } from './certificate.js'

const LOST = BETS.map((c) => Math.log1p(-c))
/** Precision of each end, and how close to 1 the search goes. */
const PRECISION = 1e-6
const FURTHEST = -Math.log(PRECISION)
/** Limit on the steps of Newton's method; a dozen suffice. */
const MOST_STEPS = 100

/**
 * An interval for the mean EM drop that is valid however often one looks: the tolerances that neither the counts nor their mirror image
 * (losses and gains exchanged) refute at level/2.
 * @returns fractions; [-1, 1] without generations, and for arguments that are no counts or no level
 */
export function emDropInterval (generations: number, lost: number, gained: number, level: number): { low: number, high: number } {
  const kept = Math.max(0, generations - lost - gained) // fractional counts may exceed their sum by a rounding error
  if (!(lost >= 0 && gained >= 0 && level > 0 && level <= 1 && lost + kept + gained < Infinity)) return { low: -1, high: 1 }
  const logBar = Math.log(2 / level)
  return { low: -upperEnd(gained, kept, lost, logBar), high: upperEnd(lost, kept, gained, logBar) }
}

/**
 * The least tolerance a at which ln E >= logBar; 1 where there is none. With s = 1/(1-a) the factors of the certificate are 1 - c,
 * 1 - c + c s and 1 - c + 2 c s, so that ln E is increasing and convex in ln s. Newton's method overshoots the root in its first step and
 * then approaches it from above: the tolerance found is always refuted.
 */
function upperEnd (lost: number, kept: number, gained: number, logBar: number): number {
  if (kept + gained <= 0) return 1 // nothing but losses, or nothing at all: E does not depend on a
  let t = Math.min(FURTHEST, -Math.log1p(Math.max(-1, (gained - lost) / (lost + kept + gained)))) // start at the drop seen
  for (let step = 0; step < MOST_STEPS; step++) {
    const { log, slope } = logEvidenceAt(t, lost, kept, gained)
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
function logEvidenceAt (t: number, lost: number, kept: number, gained: number): { log: number, slope: number } {
  const s = Math.exp(t)
  let top = -Infinity
  for (let i = 0; i < BETS.length; i++) {
    const c = BETS[i]!
    const ifKept = 1 - c + c * s
    const ifGained = ifKept + c * s
    logs[i] = lost * LOST[i]! + kept * Math.log(ifKept) + (gained === 0 ? 0 : gained * Math.log(ifGained))
    slopes[i] = c * s * (kept / ifKept + 2 * gained / ifGained)
    if (logs[i]! > top) top = logs[i]!
  }
  let sum = 0
  let slope = 0
  for (let i = 0; i < BETS.length; i++) {
    const part = Math.exp(logs[i]! - top)
    sum += part
    slope += part * slopes[i]!
  }
  return { log: top + Math.log(sum) - LOG_BETS, slope: slope / sum }
}
