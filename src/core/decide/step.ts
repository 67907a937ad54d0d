import type { Context } from '../policy/context.js'
import type { Arm } from './arm.js'

/** 1 right, 0 wrong. */
export type Em = 0 | 1

/** One moment in a generation, as a worker posts it. */
export interface Step extends Probing {
  readonly generation_id?: string
  readonly group_id?: string
  /** Stands for the group in the draw of the arm. */
  readonly prompt_hash?: string
  readonly arm?: Arm
  /** Number of the sample in its group; only number 0 enrols the group. Absent: not stated. */
  readonly sample?: number
  /** The check that the last reply named, in tokens. Replicas keep no replies. */
  readonly due_tokens?: number
  /** Id of the generation that this one repeats: a retry is never stopped, draws and enrols nothing, and counts nowhere. */
  readonly retry_of?: string
  readonly confidence: number | null
  readonly context?: Context
}

/** The probes so far, as a step reports them. */
export interface Probing {
  readonly tokens: number
  readonly signals?: Readonly<Record<string, number>>
  /** The worker has found that the generation goes round in a loop. */
  readonly repeats?: boolean
  /** Highest score at which the worker has probed, for the raw confidence and for budgets. */
  readonly probed_score?: number | null
}
