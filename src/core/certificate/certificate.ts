/**
 * The certificate: an e-process for "the EM drop at this threshold exceeds a" (a = max_em_drop).
 *
 *   E = mean over i of (1 - nu_i (1-a))^lost * (1 + nu_i a)^kept * (1 + nu_i (1+a))^gained,   nu_i = c_i/(1-a), c_i = (i - 0.5)/16
 *
 * For X = a - delta with delta = em(full) - em(stopped) in {-1, 0, 1}, each factor 1 + nu X is >= 0 and has mean <= 1 when
 * E[delta] >= a, so each bet is a non-negative supermartingale, and so is their mean. By Ville's inequality the chance that it
 * ever reaches 1/alpha is <= alpha, however often one looks (Waudby-Smith & Ramdas 2020, "Estimating means of bounded random
 * variables by betting").
 */
export const BETS = Array.from({ length: 16 }, (_, i) => (i + 0.5) / 16)
export const LOG_BETS = Math.log(BETS.length)

interface BetTable { readonly lost: readonly number[], readonly kept: readonly number[], readonly gained: readonly number[] }

const tables = new Map<number, BetTable>()

/** The logarithm of each bet's factors; memoised, since they depend on `a` alone. */
function betTable (a: number): BetTable {
  let table = tables.get(a)
  if (table === undefined) {
    const nu = BETS.map((c) => c / (1 - a))
    table = {
      lost: BETS.map((c) => Math.log1p(-c)),
      kept: nu.map((n) => Math.log1p(n * a)),
      gained: nu.map((n) => Math.log1p(n * (1 + a))),
    }
    if (tables.size >= 1024) tables.clear()
    tables.set(a, table)
  }
  return table
}

/** ln E of the three counts at tolerance `a`, which lies in (-1, 1). */
export function logEvidence (a: number, lost: number, kept: number, gained: number): number {
  const table = betTable(a)
  const logs = BETS.map((_, i) => lost * table.lost[i]! + kept * table.kept[i]! + gained * table.gained[i]!)
  const top = Math.max(...logs)
  let sum = 0
  for (const log of logs) sum += Math.exp(log - top)
  return top + Math.log(sum) - LOG_BETS
}

/** Index of the bet that was largest at the last search; usually it is still large enough to show that E reaches the bar. */
let likely = 0

/** Whether ln E >= logBar. The largest bet bounds the mean from both sides, so that the exponentials are rarely needed. */
function reaches (a: number, lost: number, kept: number, gained: number, logBar: number, table = betTable(a)): boolean {
  const guess = lost * table.lost[likely]! + kept * table.kept[likely]! + gained * table.gained[likely]!
  if (guess - LOG_BETS >= logBar) return true
  let top = -Infinity
  for (let i = 0; i < BETS.length; i++) {
    const log = lost * table.lost[i]! + kept * table.kept[i]! + gained * table.gained[i]!
    if (log > top) { top = log; likely = i }
  }
  if (top < logBar) return false
  if (top - LOG_BETS >= logBar) return true
  return logEvidence(a, lost, kept, gained) >= logBar
}

export interface Counts { readonly generations: number, readonly lost: readonly number[], readonly gained: readonly number[] }

/**
 * Index of the loosest certified threshold: tests the grid from the safest on and stops at the first failure; -1 where none passes.
 * Fixed-sequence testing keeps all of them at the level of one test (Angelopoulos et al. 2021, "Learn then Test").
 * @param logBar ln(1/error_level), or ln(30/error_level) where the guarantee was requested after evidence came in
 */
export function certifiedIndex (counts: Counts, a: number, logBar: number): number {
  const { generations, lost, gained } = counts
  const table = betTable(a)
  for (let k = 0; k < lost.length; k++) {
    if (!reaches(a, lost[k]!, generations - lost[k]! - gained[k]!, gained[k]!, logBar, table)) return k - 1
  }
  return lost.length - 1
}

/** How many generations without any loss or gain it takes until ln E reaches ln(1/errorLevel). */
export function losslessGenerations (a: number, errorLevel: number): number {
  return smallest((n) => reaches(a, 0, n, 0, Math.log(1 / errorLevel)))!
}

/**
 * How many more generations the test of one threshold needs to reach `logBar` if losses and gains continue at the rates seen so far;
 * `null` where it does not get there within `limit`.
 */
export function generationsToReach (
  a: number, generations: number, lost: number, gained: number, logBar: number, limit: number): number | null {
  const lostRate = generations === 0 ? 0 : lost / generations
  const gainedRate = generations === 0 ? 0 : gained / generations
  return smallest((more) => {
    const l = lost + lostRate * more
    const g = gained + gainedRate * more
    return reaches(a, l, generations + more - l - g, g, logBar)
  }, limit)
}

/** The smallest n >= 0 at which a monotone predicate is true; `null` past `limit`. */
function smallest (isTrue: (n: number) => boolean, limit = 2 ** 40): number | null {
  if (isTrue(0)) return 0
  let high = 1
  while (!isTrue(high)) { if (high >= limit) return null; high *= 2 }
  let low = high / 2
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (isTrue(middle)) high = middle; else low = middle
  }
  return high <= limit ? high : null
}
