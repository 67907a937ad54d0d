import type { Em } from '../../core/decide/index.js'
import { stepsAtCadence } from '../../core/stats/index.js'
import type { ReportedOutcome } from '../../core/outcome/index.js'
import { type Cadence, type Context, contextKey, type Levels } from '../../core/policy/index.js'

/** A generation that ran in full, with the EM of the answer at every step. */
export interface RecordedRun {
  /** The outcome as the trace file has it. */
  readonly outcome: ReportedOutcome
  readonly tokens: number
  readonly answerTokens: number
  readonly em: Em
  /** Whether every `em` says only that an answer is the final one; absent: it is Exact Match. */
  readonly isByAgreement?: boolean
  readonly steps: readonly RunStep[]
  /** Tokens decoded for the probes of a run that asks at every step. */
  readonly probeTokens: number
}

export interface RunStep {
  readonly tokens: number
  readonly confidence: number | null
  readonly signals?: Readonly<Record<string, number>> | undefined
  readonly em: Em
  /** Tokens decoded for probes up to and including this step. */
  readonly probeTokens: number
}

/** How a generation ended: in full, or stopped at a step. `probeTokens` are those of the probes made until then. */
export interface Ending { readonly tokens: number, readonly probeTokens: number, readonly em: Em, readonly isStopped: boolean }

/** The ending of a run that asked at every step and was not stopped. */
export function ranInFull ({ tokens, em, probeTokens }: RecordedRun): Ending {
  return { tokens, probeTokens, em, isStopped: false }
}

/** The ending at a step. A stopped generation still writes its answer, but never has more tokens than the full run. */
export function stoppedAt ({ tokens, answerTokens }: RecordedRun, step: RunStep): Ending {
  return { tokens: Math.min(step.tokens + answerTokens, tokens), probeTokens: step.probeTokens, em: step.em, isStopped: true }
}

/** The run's context, restricted to the levels of the service; traces may have more. */
export function contextAtLevels (levels: Levels, { outcome: { context = {} } }: RecordedRun): Context {
  return Object.fromEntries(levels.flatMap((level) => context[level] === undefined ? [] : [[level, context[level]]]))
}

export function keyAtLevels (levels: Levels, run: RecordedRun): string {
  return contextKey(levels, contextAtLevels(levels, run))
}

/** Another cadence, and the cost of a probe. */
interface ProbeSchedule {
  readonly cadence: Cadence
  /** Tokens that a step spends on its probe; `null`: as recorded in the trace. */
  readonly probeTokens: number | null
}

/** A run as if it had been asked at another cadence. */
export function atCadence (run: RecordedRun, { cadence, probeTokens: each }: ProbeSchedule): RecordedRun {
  const { steps, probeTokens = 0 } = stepsAtCadence(run.steps, cadence, each)
  return { ...run, steps, probeTokens }
}
