import { stopsOf } from '../certificate/stops.js'
import { GRID } from '../certificate/grid.js'
import { scoreStep } from '../predictor/predictor.js'
import type { RecordedStep } from './recorded-step.js'
import type { Rule } from '../decide/snapshot.js'
import { nextCheckTokens, type Cadence } from '../policy/cadence.js'

interface Finished { readonly tokens: number, readonly steps_asked?: number }

/**
 * Whether a record holds every step that was asked. The worker's count decides where it is given. Otherwise the cadence does: there must be
 * exactly one step in each check interval until the generation's end, so that a lost step leaves a gap. A step at the very end may be
 * missing, since it could save nothing. Steps that cannot stop (unknown confidence, or before `min_tokens`) may come in between.
 * @param steps merged, in order of tokens
 */
export function isRecordComplete (cadence: Cadence, outcome: Finished, steps: readonly RecordedStep[]): boolean {
  const { tokens, steps_asked: asked } = outcome
  const last = steps.at(-1)
  if (last !== undefined && last.tokens > tokens) return false // a step of another generation
  if (asked !== undefined) return steps.length === asked

  let due = nextCheckTokens(cadence, 0)
  for (const step of steps) {
    if (step.tokens >= due + cadence.checkEveryTokens) return false
    if (step.tokens >= due) due = nextCheckTokens(cadence, step.tokens)
    else if (step.confidence !== null && step.tokens >= cadence.minTokens) return false // the worker does not follow the cadence
  }
  return tokens <= due
}

/** Whether every threshold of every scorer stops at a step with a probe. If not, a probe was lost or never made. */
export function isRecordProbed (
  { minTokens, trials }: Pick<Rule, 'minTokens' | 'trials'>, { tokens }: Finished, steps: readonly RecordedStep[]): boolean {
  const isProbed = (grid: readonly number[], scoreOf: (step: RecordedStep) => number | null) => {
    const probed = steps.map((step) => ({
      tokens: step.tokens, score: scoreOf(step), em: step.em ?? (step.answer_digest === undefined ? undefined : 1 as const),
    }))
    const stops = stopsOf({ tokens, answerTokens: 0, em: 1, steps: probed, isComplete: true }, minTokens, grid)
    return !stops.some(({ isUnprobed }) => isUnprobed)
  }
  return isProbed(GRID, ({ confidence }) => confidence) &&
    trials.every((scorer) => isProbed(scorer.grid, (step) => scoreStep(scorer, step.tokens, step.confidence, step.signals)))
}
