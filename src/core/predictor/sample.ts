import type { LoggedOutcome, LoggedStep } from '../grading/outcome.js'
import type { Label } from '../policy/policy.js'

/** Steps of a generation that are kept to learn from, at most. */
const MOST_STEPS = 12

/** A probed step of a control generation, as a predictor learns from it. */
export interface SampleStep {
  readonly tokens: number
  /** In [0, 1]. */
  readonly confidence: number
  readonly signals?: Readonly<Record<string, number>>
  /** 1: stopping here would have lost the generation's EM. */
  readonly lost: 0 | 1
}

/** A control generation to learn from: settled, labelled, the first of its group, and with few of its steps. */
export interface Sample {
  /** Where its group falls in [0, 1): generations of one prompt have one, so it tells groups apart. */
  readonly u: number
  /** Context key of its leaf. */
  readonly leaf: string
  readonly label: Label
  /** Of the full run. */
  readonly tokens: number
  readonly steps: readonly SampleStep[]
}

/** Places of the steps to learn from: evenly spread over those that were probed and are surer than all before (see usable-samples.ts). */
export function sampledPlaces (steps: readonly LoggedStep[]): number[] {
  let highest = -Infinity
  const places = [...steps.keys()].filter((place) => {
    const { confidence } = steps[place]!
    if (confidence === null || confidence <= highest || !isProbed(steps[place]!)) return false
    highest = confidence
    return true
  })
  if (places.length <= MOST_STEPS) return places
  return Array.from({ length: MOST_STEPS }, (_, i) => places[Math.floor(i * (places.length - 1) / (MOST_STEPS - 1))]!)
}

function isProbed ({ exact_match, agreement, answer_digest: digest }: LoggedStep): boolean {
  return exact_match !== undefined || agreement !== undefined || digest !== undefined
}

/** What a predictor learns from an outcome with a known label; `null` where no step of it was probed. */
export function sampleOf ({ u, tokens, steps, full }: LoggedOutcome, leaf: string, label: Label): Sample | null {
  const em = full[label]
  const probed = (steps ?? []).filter((step) => step.confidence !== null && step[label] !== undefined)
  if (em === undefined || probed.length === 0) return null
  const sampled = sampledPlaces(probed).map((place): SampleStep => {
    const { tokens, confidence, signals, [label]: right } = probed[place]!
    return { tokens, confidence: confidence!, ...(signals && { signals }), lost: em === 1 && right === 0 ? 1 : 0 }
  })
  return { u, leaf, label, tokens, steps: sampled }
}
