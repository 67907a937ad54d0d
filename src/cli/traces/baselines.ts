import { ranInFull, stoppedAt, type Ending, type RecordedRun } from './recorded-run.js'

/** The fixed confidence threshold that the service has to beat. */
export const FIXED_THRESHOLD = 0.95

/** Other ways to stop, for comparison. */
export const BASELINES = {
  never_stop: neverAsked,
  fixed_threshold: stopAtConfidence,
  best_possible: stopAtBest,
} as const

/** Without a service nothing is asked, so no probe is made. */
function neverAsked (run: RecordedRun): Ending {
  return { ...ranInFull(run), probeTokens: 0 }
}

/** One rule for all contexts: stop at the first step with confidence >= 0.95. */
function stopAtConfidence (run: RecordedRun): Ending {
  const step = run.steps.find(({ confidence }) => confidence !== null && confidence >= FIXED_THRESHOLD)
  return step === undefined ? ranInFull(run) : stoppedAt(run, step)
}

/** The earliest step that is no worse than the full run, found without a probe; no rule can do better without losing EM. */
function stopAtBest (run: RecordedRun): Ending {
  const step = run.steps.find(({ em }) => em >= run.em)
  return { ...(step === undefined ? ranInFull(run) : stoppedAt(run, step)), probeTokens: 0 }
}
