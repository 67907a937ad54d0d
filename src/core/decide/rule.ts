import type { Policy } from '../policy/policy.js'
import { GRID } from './grid.js'
import type { Guarantee } from './guarantee.js'
import type { ProbeForm } from './probe-form.js'
import type { ScoredBy } from './scorer.js'
import type { ContextWarning } from './warnings.js'

/** Whether the threshold in force is certified for the context itself or for its pool, or none is in force. */
export type Scope = 'own' | 'pool' | 'none'

/** The reach where all labels are asked for. */
export const ALL_LABELS = GRID.length - 1

/** Everything that a decision in one context needs. */
export interface ContextRule {
  /** The context that gathers the evidence, and whose threshold it is; `null`: none did, and the generation's own key is the answer. */
  readonly context: string | null
  readonly threshold: number | null
  /** What scores. */
  readonly scorer: ScoredBy
  /** Whether a certified threshold would be in force, if its guards could see: then `threshold` is `null`. */
  readonly isSuspended: boolean
  readonly scope: Scope
  readonly guarantee: Guarantee | null
  /** The certified property: that answers are right, or that they are the model's own full answers. */
  readonly label: Policy['label']
  readonly mode: Policy['mode']
  readonly minTokens: number
  readonly checkEveryTokens: number
  readonly checkGrowth: number
  /** The only token counts at which generations are checked; `undefined`: the distances decide. */
  readonly checkCounts: readonly number[] | undefined
  readonly controlShare: number
  /** The share below which draws are evidence: the control share, or in a new member of a pool that of the other members. */
  readonly evidenceShare: number
  /** Whether the prompts of generations whose label is wanted are kept for a grader: clients send none otherwise. */
  readonly storePrompts: boolean
  /** Name of the epoch that enrolments are for; `null`: the context is new. */
  readonly epoch: string | null
  /** Share of the draws to enrol, by their second hash; 0: none, since they are not evidence. */
  readonly enrolledShare: number
  /** How answers are forced; `null`: no form agrees, so that nothing is probed for a time; `undefined`: no worker has searched for one. */
  readonly probeForm: ProbeForm | null | undefined
  /** Index of the loosest threshold for which labels are asked for. */
  readonly labelReach: number
  /** Problems with the reports on the context. */
  readonly warnings: readonly ContextWarning[]
}
