import { type Checkpoint, hasOtherWeights, sameFigures } from './checkpoint.js'
import type { Attempt, Series, ServedCheckpoint, TrainingRun } from './run.js'

/** The fate of a report: stored; stored as another attempt at its step; already known; or the reason for its refusal. */
type ReportResult = 'accepted' | 'attempt' | 'duplicate' | { readonly path: string, readonly message: string }

/** A checkpoint that a context now serves. */
interface Served extends ServedCheckpoint { readonly continues: boolean }

export interface Report {
  readonly checkpoint: Checkpoint
  /** Key of the context that the checkpoint names; `null`: none. */
  readonly key: string | null
}

export type AddedReports = ReturnType<typeof addReports>

/**
 * Adds reports to a run, in order. A context serves another checkpoint when a step above all earlier ones is reported for it, or when its
 * newest step is reported again with figures that show other weights (see `hasOtherWeights`), unless that report continues the training.
 * Lower steps change nothing, since a resumed job reports them again. The training goes on only if every checkpoint that a context serves
 * since the last call says so.
 * @param series by suite, at least those of the reports
 * @param now ms
 */
export function addReports (
  run: TrainingRun | null, series: ReadonlyMap<string, Series>, reports: readonly Report[], now: number
) {
  const changed = new Map<string, Series>()
  const suites = new Set(run?.suites.map(({ suite }) => suite))
  const contexts = new Map(run?.contexts.map((opening) => [opening.key, opening]))
  const served = new Map<string, Served>()

  function add ({ checkpoint, key }: Report): ReportResult {
    const { suite, step } = checkpoint
    if (!suites.has(suite) && suites.size >= TRAINING_LIMITS.suites) return limitReached('/suite', 'suites')
    if (key !== null && !contexts.has(key) && contexts.size >= TRAINING_LIMITS.contexts) return limitReached('/context', 'contexts')
    const before = changed.get(suite) ?? series.get(suite) ?? { suite, points: [], forgotten_through: null }
    const result = addAttempt(before, { checkpoint, received_at: now })
    if (typeof result === 'string' || result.path !== undefined) return result
    suites.add(suite)
    changed.set(suite, result.series)
    if (key === null) return result.reported
    const newest = contexts.get(key)?.step ?? -1
    // A resumed training reports its newest step again with other rollouts; its weights still moved by training.
    if (step < newest || (step === newest && (!result.isOther || checkpoint.continues === true))) return result.reported
    const opening = { key, step, at: now }
    contexts.set(key, opening)
    const continues = checkpoint.continues === true && served.get(key)?.continues !== false
    served.set(key, { ...opening, continues })
    return result.reported
  }

  const reported: readonly ReportResult[] = reports.map(add)
  return {
    /** For each report, in order. */
    reported,
    /** The series that changed, by suite. */
    series: changed,
    contexts: [...contexts.values()],
    /** Contexts that serve another checkpoint now. */
    served: [...served.values()],
  }
}

function limitReached (path: string, what: 'suites' | 'contexts'): ReportResult {
  return { path, message: `the run already has ${TRAINING_LIMITS[what]} ${what}, the maximum; report others under another run name` }
}

function addAttempt (series: Series, attempt: Attempt) {
  const { step } = attempt.checkpoint
  if (series.forgotten_through !== null && step <= series.forgotten_through) return 'duplicate' as const // It was dropped to make room.
  const index = series.points.findIndex((point) => point.step >= step)
  const at = index === -1 ? series.points.length : index
  const known = series.points[at]?.step === step ? series.points[at] : undefined
  if (known?.attempts.some(({ checkpoint }) => sameFigures(checkpoint, attempt.checkpoint))) return 'duplicate' as const
  if (known !== undefined && known.attempts.length >= TRAINING_LIMITS.attempts) {
    return { path: '/step', message: `was already reported with ${known.attempts.length} different figures, the maximum; check that this is a single run` }
  }
  const point = { step, attempts: [...known?.attempts ?? [], attempt] }
  const points = series.points.toSpliced(at, known === undefined ? 0 : 1, point)
  const isOther = hasOtherWeights(attempt.checkpoint, known?.attempts.map(({ checkpoint }) => checkpoint) ?? [])
  return { series: withinBounds({ ...series, points }), reported: known === undefined ? 'accepted' as const : 'attempt' as const, isOther }
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

/** Storage limits. Beyond them, the least recently updated runs are dropped, and the reports on a suite with the lowest steps. */
export const TRAINING_LIMITS = { runs: 100, suites: 32, contexts: 32, reports: 1000, attempts: 8 } as const
