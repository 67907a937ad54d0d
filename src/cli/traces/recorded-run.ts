import { contextKey, type Context, type Levels } from '../../core/policy/context.js'
import type { Em } from '../../core/certificate/stops.js'
import type { ReportedOutcome } from '../../core/grading/outcome.js'

/** A generation that ran in full, with the EM of the answer at every step. */
export interface RecordedRun {
  /** The outcome as the trace file has it. */
  readonly outcome: ReportedOutcome
  readonly tokens: number
  readonly answerTokens: number
  readonly em: Em
  readonly steps: readonly RecordedStep[]
  /** Tokens decoded for the probes of a run that asks at every step. */
  readonly probeTokens: number
}

export interface RecordedStep {
  readonly tokens: number
  readonly confidence: number | null
  readonly signals?: Readonly<Record<string, number>> | undefined
  readonly em: Em
  /** Tokens decoded for probes up to and with this step. */
  readonly probeTokens: number
}

/** How a generation ended: in full, or stopped at a step. `probeTokens` are those of the probes made until then. */
export interface Ending { readonly tokens: number, readonly probeTokens: number, readonly em: Em, readonly isStopped: boolean }

/** Ran to its end, and asked at every step. */
export function ranInFull ({ tokens, em, probeTokens }: RecordedRun): Ending {
  return { tokens, probeTokens, em, isStopped: false }
}

/** A stopped generation still spends the tokens of its answer, but never more tokens than the full run. */
export function stoppedAt ({ tokens, answerTokens }: RecordedRun, step: RecordedStep): Ending {
  return { tokens: Math.min(step.tokens + answerTokens, tokens), probeTokens: step.probeTokens, em: step.em, isStopped: true }
}

/** The run's context, restricted to the levels of the service; traces may have more. */
export function contextUnder (levels: Levels, { outcome: { context = {} } }: RecordedRun): Context {
  return Object.fromEntries(levels.flatMap((level) => context[level] === undefined ? [] : [[level, context[level]]]))
}

export function keyUnder (levels: Levels, run: RecordedRun): string {
  return contextKey(levels, contextUnder(levels, run))
}
