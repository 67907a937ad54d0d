import { binomialBound } from '../../test/simulation/binomial-bound.js'
import { certifiedOf, type Certified } from '../../test/simulation/enrolment.js'
import { playKilled } from './fleet.js'
import { ARRIVALS, FOOLED, KNOWN_FALSE, MISSING, type Pattern } from './patterns.js'
import { count, median, spread, table } from './summary.js'

/** Just beyond the bound, and twice the bound. */
const DROPS = [0.0205, 0.04] as const

/** Runs for the time of the first certificate, which varies little. */
const TIMED = 5

/** The tables of docs/evidence/validity.md. */
export function arrivalTables (runs: number): string {
  return [
    ...patternTable('Traffic that fooled evidence on arrival', FOOLED, runs),
    ...patternTable('Other arrivals', ARRIVALS, runs),
    ...patternTable('Outcomes, labels or steps that are missing or late', MISSING, runs),
    ...patternTable('Traffic against which nothing protects', KNOWN_FALSE, runs),
    `At the level of 5 %, more than ${binomialBound(runs, 0.05)} of ${runs} would be a defect (99.9 % binomial bound).`, '',
    ...killedFleets(Math.min(5, runs)),
  ].join('\n')
}

function patternTable (title: string, patterns: readonly Pattern[], runs: number): string[] {
  const rows = patterns.map((pattern, i) => {
    const wrong = DROPS.map((drop) => certifiedOf(pattern, drop, runs, 1000 * (i + 1)))
    const time = timeOf(certifiedOf(pattern, 0, Math.min(TIMED, runs)))
    return [pattern.name, time, ...wrong.map(({ certified }) => `${certified} of ${runs}`), pattern.note]
  })
  return [`## ${title}`, '', table(['traffic', 'first certificate, drop 0, s', 'falsely certified, drop 2.05', 'drop 4', 'what happens'], rows), '']
}

function timeOf ({ runs, certified, seconds }: Certified): string {
  if (certified === 0) return 'none'
  return certified === runs ? count(median(seconds)) : `${count(median(seconds))} (${certified} of ${runs})`
}

function killedFleets (runs: number): string[] {
  const rows = (['auto', 0.2, 0.5] as const).map((share) => {
    const all = Array.from({ length: runs }, (_, i) => playKilled(300, share, 0.005, i + 1))
    const played = all.filter(({ certifiedAt }) => certifiedAt! < 300)
    return [`${share}`, `${played.filter(({ isKept }) => isKept).length} of ${played.length}`, spread(played.map(({ missing }) => missing))]
  })
  return ['## A fleet killed with 300 running, after its first certificate', '',
    table(['control share', 'certificate stands when follow-up is over', 'control generations missing'], rows), '']
}
