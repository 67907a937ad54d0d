import { isOfOtherWeights, sameFigures, type Checkpoint } from './checkpoint.js'
import type { VerdictName } from './verdict.js'

/** A report as it was kept. */
export interface Attempt {
  readonly checkpoint: Checkpoint
  /** ms. */
  readonly received_at: number
}

/** A step of a suite; more than one attempt where it was reported again with other figures. Oldest first, the last one counts. */
export interface Point {
  readonly step: number
  readonly attempts: readonly Attempt[]
}

/** What was reported on one suite, by step. */
export interface Series {
  readonly suite: string
  readonly points: readonly Point[]
  /** The newest step that had to make room. */
  readonly forgotten_through: number | null
}

/** Where the newest point of a suite stands, for lists and metrics. */
export interface SuiteSummary {
  readonly suite: string
  /** Steps kept, and those of them that were reported again with other figures, evaluated alike. */
  readonly steps: number
  readonly replayed: number
  readonly step: number
  readonly em: number
  readonly tokens_mean: number
  readonly verdicts: readonly VerdictName[]
}

/** The newest checkpoint of a run that is served in a context. */
export interface Opening {
  readonly key: string
  readonly step: number
  /** When it was reported first, ms. */
  readonly at: number
}

/** A run without its series. */
export interface TrainingRun {
  readonly name: string
  /** Moves with every write. */
  readonly revision: number
  readonly created_at: number
  readonly updated_at: number
  readonly suites: readonly SuiteSummary[]
  readonly contexts: readonly Opening[]
}

/** What is kept. Of too many runs those that were reported on the longest ago go, of too many reports those of the lowest steps. */
export const TRAINING_LIMITS = { runs: 100, suites: 32, contexts: 32, reports: 1000, attempts: 8 } as const

/** What became of a report: kept; kept as another attempt at a step that has other figures; known already; or why it was refused. */
export type Reported = 'accepted' | 'attempt' | 'duplicate' | { readonly path: string, readonly message: string }

export interface Report {
  readonly checkpoint: Checkpoint
  /** Context key it names; `null`: none. */
  readonly key: string | null
}

export interface Added {
  readonly reported: readonly Reported[]
  /** Those that changed. */
  readonly series: ReadonlyMap<string, Series>
  readonly contexts: readonly Opening[]
  /** Of these contexts a new epoch is due. */
  readonly opened: readonly Opening[]
}

/**
 * Adds reports to a run, in their order. A context's epoch is due at a step above all that were reported for it, and when the newest of
 * them comes again with other figures: those are other weights, but where only the context is another or nothing was evaluated
 * under this threshold before. Lower steps open nothing, as a job that was suspended replays them.
 * @param now ms
 */
export function addReports (
  run: TrainingRun | null, series: ReadonlyMap<string, Series>, reports: readonly Report[], now: number
): Added {
  const changed = new Map<string, Series>()
  const suites = new Set(run?.suites.map(({ suite }) => suite))
  const contexts = new Map(run?.contexts.map((opening) => [opening.key, opening]))
  const opened = new Map<string, Opening>()

  function add ({ checkpoint, key }: Report): Reported {
    const { suite, step } = checkpoint
    if (!suites.has(suite) && suites.size >= TRAINING_LIMITS.suites) return full('/suite', 'suites')
    if (key !== null && !contexts.has(key) && contexts.size >= TRAINING_LIMITS.contexts) return full('/context', 'contexts')
    const before = changed.get(suite) ?? series.get(suite) ?? { suite, points: [], forgotten_through: null }
    const result = addAttempt(before, { checkpoint, received_at: now })
    if (typeof result === 'string' || 'path' in result) return result
    suites.add(suite)
    changed.set(suite, result.series)
    if (key === null) return result.reported
    const newest = contexts.get(key)?.step ?? -1
    if (step < newest || (step === newest && !result.isOther)) return result.reported
    const opening = { key, step, at: now }
    contexts.set(key, opening)
    opened.set(key, opening)
    return result.reported
  }

  const reported = reports.map(add)
  return { reported, series: changed, contexts: [...contexts.values()], opened: [...opened.values()] }
}

function full (path: string, what: 'suites' | 'contexts'): Reported {
  return { path, message: `the run has ${TRAINING_LIMITS[what]} ${what} already, which is the most: report others as another run` }
}

function addAttempt (series: Series, attempt: Attempt): 'duplicate' | Exclude<Reported, string> | { series: Series, reported: 'accepted' | 'attempt', isOther: boolean } {
  const { step } = attempt.checkpoint
  if (series.forgotten_through !== null && step <= series.forgotten_through) return 'duplicate' // it made room once
  const index = series.points.findIndex((point) => point.step >= step)
  const at = index === -1 ? series.points.length : index
  const known = series.points[at]?.step === step ? series.points[at] : undefined
  if (known?.attempts.some(({ checkpoint }) => sameFigures(checkpoint, attempt.checkpoint))) return 'duplicate'
  if (known !== undefined && known.attempts.length >= TRAINING_LIMITS.attempts) {
    return { path: '/step', message: `was reported with ${known.attempts.length} different figures already, which is the most: is this one run?` }
  }
  const point = { step, attempts: [...known?.attempts ?? [], attempt] }
  const points = series.points.toSpliced(at, known === undefined ? 0 : 1, point)
  const isOther = isOfOtherWeights(attempt.checkpoint, known?.attempts.map(({ checkpoint }) => checkpoint) ?? [])
  return { series: withinBounds({ ...series, points }), reported: known === undefined ? 'accepted' : 'attempt', isOther }
}

function withinBounds (series: Series): Series {
  let { points, forgotten_through } = series
  let reports = points.reduce((sum, { attempts }) => sum + attempts.length, 0)
  while (reports > TRAINING_LIMITS.reports) {
    const [oldest, ...rest] = points
    points = rest
    forgotten_through = oldest!.step
    reports -= oldest!.attempts.length
  }
  return { ...series, points, forgotten_through }
}
