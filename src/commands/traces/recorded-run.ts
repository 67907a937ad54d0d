import { contextKey, type Context, type Levels } from '../../core/policy/context.js'
import type { Em } from '../../core/certificate/evidence.js'
import type { ReportedOutcome } from '../../core/grading/outcome.js'

/** A generation that ran in full, with what its answer would have been at every step: all that a replay needs to know. */
export interface RecordedRun {
  /** As the trace file has it. */
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

/** What a generation came to: in full, or stopped at a step. */
export interface Ending { readonly tokens: number, readonly em: Em, readonly isStopped: boolean }

export function ranInFull ({ tokens, em }: RecordedRun): Ending {
  return { tokens, em, isStopped: false }
}

/** Stopping means to close the thought and answer: the answer's tokens still come, but never more than the full run had. */
export function stoppedAt ({ tokens, answerTokens }: RecordedRun, step: RecordedStep): Ending {
  return { tokens: Math.min(step.tokens + answerTokens, tokens), em: step.em, isStopped: true }
}

/** The run's context as far as the service knows its levels; traces may say more. */
export function contextUnder (levels: Levels, { outcome: { context = {} } }: RecordedRun): Context {
  return Object.fromEntries(levels.flatMap((level) => context[level] === undefined ? [] : [[level, context[level]]]))
}

export function keyUnder (levels: Levels, run: RecordedRun): string {
  return contextKey(levels, contextUnder(levels, run))
}
