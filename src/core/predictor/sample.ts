import type { Label } from '../policy.js'

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
