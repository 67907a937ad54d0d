import { type Cadence, nextCheckTokens } from '../policy/policy.js'

/**
 * Whether both arms ask as often. Evidence is about stops at the checks of control generations: if treated ones ask in between, they stop
 * where nothing was probed, and if they ask less often, they save less.
 *
 * Compared are the checks of a generation up to its stop, of a control generation up to the step that crosses the threshold in force, as a
 * ratio to the number that its context's cadence has up to there. Arms are drawn at random, so with the same worker both ratios have the
 * same distribution, however long generations are and however late the worker asks. Generations that are not stopped are left out: where
 * a treated one asked last is not known.
 */

/** Sums over the compared generations of an arm: checks asked, and checks that the cadence has up to the same token count. */
interface CheckSums {
  readonly n: number
  readonly asked: number
  readonly due: number
  readonly asked_squares: number
  readonly due_squares: number
  readonly products: number
}

export interface Cadences { readonly control: CheckSums, readonly treated: CheckSums }

const NO_SUMS: CheckSums = { n: 0, asked: 0, due: 0, asked_squares: 0, due_squares: 0, products: 0 }

export const NO_CADENCES: Cadences = { control: NO_SUMS, treated: NO_SUMS }

/** Generations from which the sums of an arm are halved, so that they follow a repaired worker. */
const MOST = 1024

/** Counts the checks up to a stop, or up to where a control generation would have been stopped. @param due as `checksDue` has it */
export function addChecks (cadences: Cadences, arm: keyof Cadences, asked: number, due: number): Cadences {
  const sums = cadences[arm]
  const scale = sums.n + 1 === MOST ? 0.5 : 1
  const added = {
    n: scale * (sums.n + 1),
    asked: scale * (sums.asked + asked),
    due: scale * (sums.due + due),
    asked_squares: scale * (sums.asked_squares + asked * asked),
    due_squares: scale * (sums.due_squares + due * due),
    products: scale * (sums.products + asked * due),
  }
  return arm === 'control' ? { ...cadences, control: added } : { ...cadences, treated: added }
}

/** The checks that a cadence has up to a token count, with the part of the last distance that has passed. */
export function checksDue (cadence: Cadence, tokens: number): number {
  const first = nextCheckTokens(cadence, 0)
  if (tokens < first) return tokens / first
  if (cadence.checkGrowth === 0) return 1 + (tokens - first) / cadence.checkEveryTokens
  let [checks, at, next] = [1, first, nextCheckTokens(cadence, first)]
  while (next <= tokens) {
    checks++
    at = next
    next = nextCheckTokens(cadence, at)
  }
  return checks + (tokens - at) / (next - at)
}

/** Generations that each arm must have. */
const ENOUGH = 32
/** Ratio of the two ratios up to which a difference does not matter. */
const TOLERATED = 1.2
const LEVEL = 1e-4

/**
 * Whether treated generations ask more or less often than control ones: their ratios of asked to due checks differ by more than a fifth and
 * more than chance explains. The variance of each ratio of sums is that of its residuals (linearisation). The bar for z^2 rises with ln n,
 * as that of a mixture of normal bets (Robbins 1970) does, so that looking after every generation raises a false alarm in about one of
 * 10,000 contexts. Once sums have been halved this is only approximate; the tolerance of a fifth then makes false alarms rare.
 * @returns `null`: neither
 */
export function cadenceOfTreated ({ control, treated }: Cadences): 'more' | 'less' | null {
  const n = Math.min(control.n, treated.n)
  if (n < ENOUGH) return null
  const [a, b] = [ratioOf(control), ratioOf(treated)]
  if (Math.max(a.ratio, b.ratio) <= TOLERATED * Math.min(a.ratio, b.ratio)) return null
  if ((a.ratio - b.ratio) ** 2 <= (2 * Math.log(1 / LEVEL) + Math.log(1 + n)) * (a.variance + b.variance)) return null
  return b.ratio > a.ratio ? 'more' : 'less'
}

function ratioOf ({ n, asked, due, asked_squares: aa, due_squares: dd, products: ad }: CheckSums) {
  const ratio = asked / due
  const residuals = Math.max(0, aa - 2 * ratio * ad + ratio * ratio * dd)
  return { ratio, variance: residuals * n / (n - 1) / (due * due) }
}
