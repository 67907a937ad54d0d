import { contextKey, type Context, type Levels } from '../../core/policy/context.js'
import type { Em } from '../../core/certificate/evidence.js'
import type { ReportedOutcome } from '../../core/grading/outcome.js'

/** A generation that ran in full, with the EM of the answer at every step. */
export interface RecordedRun {
  /** The outcome as the trace file has it. */
  readonly outcome: ReportedOutcome
  readonly tokens: number
  readonly answerTokens: number
  readonly em: Em
  readonly steps: readonly RecordedStep[]
}

export interface RecordedStep {
  readonly tokens: number
  readonly confidence: number | null
  readonly signals?: Readonly<Record<string, number>> | undefined
  readonly em: Em
}

/** How a generation ended: in full, or stopped at a step. */
export interface Ending { readonly tokens: number, readonly em: Em, readonly isStopped: boolean }

export function ranInFull ({ tokens, em }: RecordedRun): Ending {
  return { tokens, em, isStopped: false }
}

/** A stopped generation still spends the tokens of its answer, but never more tokens than the full run. */
export function stoppedAt ({ tokens, answerTokens }: RecordedRun, step: RecordedStep): Ending {
  return { tokens: Math.min(step.tokens + answerTokens, tokens), em: step.em, isStopped: true }
}

/** The run's context, restricted to the levels of the service; traces may have more. */
export function contextUnder (levels: Levels, { outcome: { context = {} } }: RecordedRun): Context {
  return Object.fromEntries(levels.flatMap((level) => context[level] === undefined ? [] : [[level, context[level]]]))
}

export function keyUnder (levels: Levels, run: RecordedRun): string {
  return contextKey(levels, contextUnder(levels, run))
}
