import { nextCheckTokens } from './decide.js'
import { stopsOf } from './evidence.js'
import type { RecordedStep } from './recorded-step.js'
import type { Rule } from './snapshot.js'

type Cadence = Pick<Rule, 'checkEveryTokens' | 'minTokens'>
interface Finished { readonly tokens: number, readonly steps_asked?: number }

/**
 * Whether a record holds every step that was asked. The worker's count settles it. Without one, the cadence must: exactly one step in each
 * check from the first one due to the generation's end, so that a lost one leaves a gap. (But for one at the very end, which had nothing
 * left to save. Steps that stop nothing, of unknown confidence or before `min_tokens`, may come between.)
 * @param steps merged, in order
 */
export function isRecordComplete (cadence: Cadence, outcome: Finished, steps: readonly RecordedStep[]): boolean {
  const { tokens, steps_asked: asked } = outcome
  const last = steps.at(-1)
  if (last !== undefined && last.tokens > tokens) return false // another generation's
  if (asked !== undefined) return steps.length === asked

  let due = nextCheckTokens(cadence, 0)
  for (const step of steps) {
    if (step.tokens >= due + cadence.checkEveryTokens) return false
    if (step.tokens >= due) due = nextCheckTokens(cadence, step.tokens)
    else if (step.confidence !== null && step.tokens >= cadence.minTokens) return false // this worker asks when it likes
  }
  return tokens <= due
}

/** Whether every threshold stops at a step with a probe: if not, a step of these was asked again with one that is not here, or never. */
export function isRecordProbed ({ minTokens }: Cadence, { tokens }: Finished, steps: readonly RecordedStep[]): boolean {
  const probed = steps.map(({ tokens, confidence, em, answer_digest: digest }) => ({
    tokens, score: confidence, em: em ?? (digest === undefined ? undefined : 1 as const),
  }))
  return !stopsOf({ tokens, answerTokens: 0, em: 1, steps: probed, isComplete: true }, minTokens).some(({ isUnprobed }) => isUnprobed)
}
