/**
 * Counts over the newest units of a kind, by which a fault of reports and its repair are noticed. They are kept as four runs, of which the
 * oldest goes at once, so that a repaired worker is clear after as many units.
 */

/** The number of the newest units, unless another is stated. */
export const NEWEST = 1024
const RUNS = 4

/** The number of units of a run, and how many of them each check counts. */
export type Run = readonly [units: number, ...counts: number[]]

/** The runs, the oldest first. */
export type Runs = readonly Run[]

export const NO_RUNS: Runs = []

/**
 * Adds units to the newest run. Where they are more than it can hold, each run gets its share of every count.
 * @param newest number of the newest units to count over
 */
export function addToRuns (runs: Runs, more: Run, newest = NEWEST): Runs {
  const [units] = more
  if (units === 0) return runs
  const size = newest / RUNS
  const next = [...runs]
  for (let left = Math.min(units, newest); left > 0;) {
    const last = next.at(-1)
    const room = last === undefined ? 0 : size - last[0]
    const part = Math.min(left, room > 0 ? room : size)
    if (room > 0) next[next.length - 1] = added(last!, more, part / units)
    else next.push(added(undefined, more, part / units))
    left -= part
  }
  return next.slice(-RUNS)
}

/** The sums over the runs. @param counts how many there are besides the units */
export function sumOfRuns (runs: Runs, counts: number): Run {
  return runs.reduce((sum, run) => added(sum, run, 1), [0, ...new Array<number>(counts).fill(0)])
}

function added (run: Run | undefined, more: Run, part: number): Run {
  return more.map((count, i) => (run?.[i] ?? 0) + part * count) as unknown as Run
}
