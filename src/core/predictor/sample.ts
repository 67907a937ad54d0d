import type { LoggedOutcome, LoggedStep } from '../grading/outcome.js'
import type { Label } from '../policy/policy.js'

/** The largest number of steps in a sample. */
const MAX_STEPS = 12

/** A probed step of a control generation. */
export interface SampleStep {
  readonly tokens: number
  /** In [0, 1]. */
  readonly confidence: number
  readonly signals?: Readonly<Record<string, number>>
  /** 1: stopping here would have lost the generation's EM. */
  readonly lost: 0 | 1
}

/** A control generation that predictors learn from: settled, labelled, the first of its group, reduced to a few of its steps. */
export interface Sample {
  /** The draw of its group, in [0, 1). Generations of one prompt share it, so it identifies the group. */
  readonly u: number
  /** Context key of its leaf. */
  readonly leaf: string
  readonly label: Label
  /** Length of the full run. */
  readonly tokens: number
  readonly steps: readonly SampleStep[]
}

/** Indexes of the steps to learn from: spread evenly over the probed steps whose confidence exceeds all before (see `usableSamples`). */
export function sampledIndexes (steps: readonly LoggedStep[]): number[] {
  let highest = -Infinity
  const records = [...steps.keys()].filter((index) => {
    const { confidence } = steps[index]!
    if (confidence === null || confidence <= highest || !isProbed(steps[index]!)) return false
    highest = confidence
    return true
  })
  if (records.length <= MAX_STEPS) return records
  return Array.from({ length: MAX_STEPS }, (_, i) => records[Math.floor(i * (records.length - 1) / (MAX_STEPS - 1))]!)
}

function isProbed ({ exact_match, agreement, answer_digest: digest }: LoggedStep): boolean {
  return exact_match !== undefined || agreement !== undefined || digest !== undefined
}

/** The sample of an outcome; `null` if it has no label of this kind or no probed step. */
export function sampleOf ({ u, tokens, steps, full }: LoggedOutcome, leaf: string, label: Label): Sample | null {
  const em = full[label]
  const probed = (steps ?? []).filter((step) => step.confidence !== null && step[label] !== undefined)
  if (em === undefined || probed.length === 0) return null
  const sampled = sampledIndexes(probed).map((index): SampleStep => {
    const { tokens, confidence, signals, [label]: right } = probed[index]!
    return { tokens, confidence: confidence!, ...(signals && { signals }), lost: em === 1 && right === 0 ? 1 : 0 }
  })
  return { u, leaf, label, tokens, steps: sampled }
}
