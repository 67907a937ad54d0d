/**
 * The certificate: an e-process for "the EM drop at this threshold exceeds a" (a = max_em_drop). For a unit of evidence (a generation, or a
 * group of samples) let d in [-1, 1] be its EM when run in full minus its EM when stopped there. For bets c of weight w,
 *
 *   E = sum over c of w_c * product over units of (1 + nu_c (a - d)),   nu_c = c/(1-a).
 *
 * Each factor is >= 0 and has mean <= 1 where the mean of d is >= a, so each product is a non-negative supermartingale, and so is their
 * weighted sum. By Ville's inequality the chance that it ever reaches 1/level is <= level, however often one looks (Waudby-Smith &
 * Ramdas 2020, "Estimating means of bounded random variables by betting").
 *
 * Half of the weight is on c = 0.9, which gives a context its first certificate; the other half is spread evenly, for contexts that
 * lose something.
 */
export const BETS: readonly number[] = [...Array.from({ length: 16 }, (_, i) => (i + 0.5) / 16), 0.9]
export const LOG_WEIGHTS: readonly number[] = [...new Array<number>(16).fill(Math.log(1 / 32)), Math.log(1 / 2)]

/** A difference is a whole number of eighths: 8 lost, 0 kept, -8 gained; groups also have others (see docs/concepts/certificate.md). */
export const EIGHTHS = 8

/** Log factors of one unit under each bet. Those of a unit that lost or gained a part are computed when its difference first occurs. */
interface BetTable {
  readonly a: number
  readonly lost: readonly number[]
  readonly kept: readonly number[]
  readonly gained: readonly number[]
  /** By difference in eighths, from -8 on. */
  readonly partial: Array<readonly number[] | undefined>
}

const tables = new Map<number, BetTable>()

/** Memoised, since it depends on the tolerance alone. */
function betTable (a: number): BetTable {
  let table = tables.get(a)
  if (table === undefined) {
    table = { a, lost: logFactors(a, EIGHTHS), kept: logFactors(a, 0), gained: logFactors(a, -EIGHTHS), partial: [] }
    if (tables.size >= 128) tables.clear()
    tables.set(a, table)
  }
  return table
}

function logFactors (a: number, eighths: number): readonly number[] {
  if (eighths === EIGHTHS) return BETS.map((c) => Math.log1p(-c)) // exact, whatever the tolerance
  return BETS.map((c) => Math.log1p(c / (1 - a) * (a - eighths / EIGHTHS)))
}

function partialFactors ({ a, partial }: BetTable, eighths: number): readonly number[] {
  const factors = partial[eighths + EIGHTHS] ??= logFactors(a, eighths)
  return factors
}

/** Numbers of units at one threshold, by difference; `kept` counts those of difference 0. */
export interface Differences {
  readonly lost: number
  readonly kept: number
  readonly gained: number
  /** Units that lost or gained a part: [difference in eighths, units]. */
  readonly partial?: ReadonlyArray<readonly [number, number]>
}

export function unitsOf ({ lost, kept, gained, partial = [] }: Differences): number {
  return partial.reduce((sum, [, units]) => sum + units, lost + kept + gained)
}

export function addDifferences (a: Differences, b: Differences): Differences {
  const sums = { lost: a.lost + b.lost, kept: a.kept + b.kept, gained: a.gained + b.gained }
  const partial = addPartial(a.partial, b.partial)
  return partial === undefined ? sums : { ...sums, partial }
}

/** Numbers of units by eighths, each once: a prefix may have hundreds of slices. */
function addPartial (a: Differences['partial'], b: Differences['partial']): Differences['partial'] {
  if (a === undefined || a.length === 0) return b
  if (b === undefined || b.length === 0) return a
  const sums = new Map(a)
  for (const [eighths, units] of b) sums.set(eighths, (sums.get(eighths) ?? 0) + units)
  return [...sums]
}

/** Net EM drop, a fraction of the units; 0 without any. */
export function meanDrop (differences: Differences): number {
  const { lost, gained, partial = [] } = differences
  const units = unitsOf(differences)
  return units === 0 ? 0 : (lost - gained + partial.reduce((sum, [eighths, count]) => sum + eighths / EIGHTHS * count, 0)) / units
}

function logOfBet (table: BetTable, i: number, { lost, kept, gained, partial }: Differences): number {
  let log = LOG_WEIGHTS[i]! + lost * table.lost[i]! + kept * table.kept[i]! + gained * table.gained[i]!
  if (partial !== undefined) for (const [eighths, units] of partial) log += units * partialFactors(table, eighths)[i]!
  return log
}

/** ln E of the differences at tolerance `a`, in (-1, 1). */
export function logEvidence (a: number, differences: Differences): number {
  const table = betTable(a)
  const logs = BETS.map((_, i) => logOfBet(table, i, differences))
  const top = Math.max(...logs)
  let sum = 0
  for (const log of logs) sum += Math.exp(log - top)
  return top + Math.log(sum)
}

/** The bet that was the largest at the last search: usually it alone shows that E is large enough. */
let likely = BETS.length - 1

const LOG_COUNT = Math.log(BETS.length)

/** Whether ln E >= logBar, usually without an exponential: the largest term of the sum bounds it from both sides. */
export function reaches (a: number, differences: Differences, logBar: number): boolean {
  const table = betTable(a)
  if (logOfBet(table, likely, differences) >= logBar) return true
  let top = -Infinity
  for (let i = 0; i < BETS.length; i++) {
    const log = logOfBet(table, i, differences)
    if (log > top) { top = log; likely = i }
  }
  if (top >= logBar) return true
  if (top + LOG_COUNT < logBar) return false
  return logEvidence(a, differences) >= logBar
}

/** Control generations beyond which no certificate is forecast. */
export const FORECAST_LIMIT = 20_000

/** Units without a loss or gain until ln E first reaches a bar. */
export function losslessUnits (a: number, logBar: number): number {
  return smallest((kept) => reaches(a, { lost: 0, kept, gained: 0 }, logBar))!
}

/** N0: units without a loss or gain that a first certificate takes. @param logBar ln of the value that E must reach */
export function unitsOfFirstCertificate (a: number, logBar: number): number {
  let byBar = firstUnits.get(a)
  if (byBar === undefined) {
    if (firstUnits.size >= MAX_REMEMBERED) firstUnits.clear()
    firstUnits.set(a, byBar = new Map<number, number>())
  }
  let units = byBar.get(logBar)
  if (units === undefined) {
    if (byBar.size >= MAX_REMEMBERED) byBar.clear()
    byBar.set(logBar, units = losslessUnits(a, logBar))
  }
  return units
}

/** N0 by tolerance and bar: every look asks for it. */
const firstUnits = new Map<number, Map<number, number>>()
const MAX_REMEMBERED = 128

/**
 * How many more units the test of one threshold needs to reach `logBar`, if losses and gains continue at the rates so far; `null` if it
 * never reaches it at those rates, or not within `limit`.
 */
export function generationsToReach (a: number, seen: Differences, logBar: number, limit: number): number | null {
  const { lost, kept, gained, partial = [] } = seen
  const total = unitsOf(seen)
  return smallest((more) => {
    const times = total === 0 ? 0 : 1 + more / total
    const grown = partial.map(([eighths, units]) => [eighths, units * times] as const)
    return reaches(a, { lost: lost * times, kept: total === 0 ? more : kept * times, gained: gained * times, partial: grown }, logBar)
  }, limit)
}

/**
 * About how many more units the test of one threshold needs to reach `logBar` if differences come at other rates from now on; Infinity if
 * it never reaches it. Uses only the best bet, which needs no search, so the result is slightly larger than for all bets together.
 * @param rates units whose differences determine the rates
 */
export function unitsToReach (a: number, seen: Differences, logBar: number, rates: Differences): number {
  const table = betTable(a)
  const total = unitsOf(rates)
  let least = Infinity
  for (let i = 0; i < BETS.length; i++) {
    const growth = (logOfBet(table, i, rates) - LOG_WEIGHTS[i]!) / total
    const missing = logBar - logOfBet(table, i, seen)
    if (missing <= 0) return 0
    if (growth > 0) least = Math.min(least, missing / growth)
  }
  return least
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

/** Part of the bound that a hopeful loss rate must stay below: nearer to it, a certificate takes tens of thousands of generations. */
export const CERTIFIABLE = 0.97

/** How many standard errors a hopeful loss rate lies below the observed one. */
export const HOPE = 2
