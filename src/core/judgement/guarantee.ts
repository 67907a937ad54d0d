import type { Label } from '../policy/policy.js'

/** What the evidence promises at the threshold in force, about this context's labelled traffic. */
export interface Guarantee {
  readonly max_em_drop: number
  readonly error_level: number
  /** The guarantee was requested after evidence came in, so the bar was thirty times higher. */
  readonly post_hoc: boolean
  readonly label: Label
  readonly labelled_ratio: number
  readonly generations: number
  readonly em_drop: number
  readonly tokens_saved_ratio: number
  readonly epoch: number
}
