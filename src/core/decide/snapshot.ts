import type { Context, Levels } from '../policy/context.js'
import type { Lottery } from '../certificate/lottery.js'
import type { Scope } from '../judgement/effective-threshold.js'
import type { Policy } from '../policy/policy.js'
import type { Scorer } from '../predictor/predictor.js'
import type { ContextWarning } from '../judgement/context-warnings.js'
import type { Guarantee } from '../judgement/guarantee.js'

/** Everything that a decision in one context needs. */
export interface Rule {
  /** The context that gathers the evidence, and whose threshold it is; `null`: none did, and the generation's own key is the answer. */
  readonly context: string | null
  readonly threshold: number | null
  /** The looser threshold that a share of the generations has instead; `null`: none. */
  readonly lottery: Lottery | null
  /** The predictor whose score the threshold is for; `null`: the raw confidence. */
  readonly scorer: Scorer | null
  /** The predictors on trial here, which need probes. */
  readonly trials: readonly Scorer[]
  readonly scope: Scope
  readonly guarantee: Guarantee | null
  /** What is certified: that answers are right, or that they are the model's own full answers. */
  readonly label: Policy['label']
  readonly mode: Policy['mode']
  readonly minTokens: number
  readonly checkEveryTokens: number
  readonly checkGrowth: number
  readonly controlShare: number
  readonly recordSteps: boolean
  /** Name of the epoch that enrolments are for; `null`: the context is new. */
  readonly epoch: string | null
  /** Share of the draws that is enrolled, by their second hash; 0: none is, since outcomes count on arrival or are no evidence. */
  readonly enrolledShare: number
  /** What is wrong with how the context is reported on. */
  readonly warnings: readonly ContextWarning[]
}

export interface Node {
  readonly key: string
  /** For a generation whose context ends here, or whose next value is unknown. */
  readonly rule: Rule
  readonly children: ReadonlyMap<string, Node>
}

/** The model that a replica decides with. It is never edited, only replaced. */
export interface Snapshot {
  readonly stateId: string
  readonly version: number
  readonly levels: Levels
  /** Salt for drawing arms; `null` before the store has been reached, and then nothing is control. */
  readonly salt: string | null
  readonly root: Node
}

/** Stands for an absent level in the tree; no value is empty. */
export const MISSING = ''

/** The rule for a generation's context: that of the deepest node that matches. */
export function ruleFor ({ root, levels }: Snapshot, context: Context | undefined): Rule {
  let node = root
  for (let depth = 0; depth < levels.length; depth++) { // `for of` costs a decision a tenth of its time
    const child = node.children.get(context?.[levels[depth]!] ?? MISSING)
    if (child === undefined) break
    node = child
  }
  return node.rule
}
