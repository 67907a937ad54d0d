import type { LoggedOutcome, LoggedStep } from '../outcome/outcome.js'
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

/** The weights of a group's generations sum to 1: they resemble each other, and many say little more about other groups than one does. */
export interface UsableSample extends Sample { readonly weight: number }

/**
 * Selects what to learn from for a label: steps with finite numbers whose confidence exceeds all before. A threshold hardly ever stops at
 * another step, and training on the others cost 3 points of saved tokens on the reasoner traces. The result does not depend on the order
 * of the samples, so the same samples give the same predictor to the bit.
 */
export function usableSamples (samples: readonly Sample[], label: Label): UsableSample[] {
  const usable = samples
    .filter((sample) => sample.label === label && Number.isFinite(sample.u) && sample.tokens > 0 && Number.isFinite(sample.tokens))
    .map((sample) => ({ ...sample, steps: records(sample.steps.filter(isUsable)) }))
    .filter(({ steps }) => steps.length > 0)
    .sort((a, b) => byText(a.leaf, b.leaf) || a.u - b.u || a.tokens - b.tokens || byText(JSON.stringify(a), JSON.stringify(b)))
  const sizes = new Map<number, number>()
  for (const { u } of usable) sizes.set(u, (sizes.get(u) ?? 0) + 1)
  return usable.map((sample) => ({ ...sample, weight: 1 / sizes.get(sample.u)! }))
}

function isUsable ({ tokens, confidence, lost }: SampleStep): boolean {
  return confidence >= 0 && confidence <= 1 && tokens >= 0 && Number.isFinite(tokens) && (lost === 0 || lost === 1)
}

function records (steps: readonly SampleStep[]): SampleStep[] {
  let highest = -1
  return steps.filter(({ confidence }) => {
    const isRecord = confidence > highest
    if (isRecord) highest = confidence
    return isRecord
  })
}

/** Compares by code units, whatever the locale. */
export function byText (a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
