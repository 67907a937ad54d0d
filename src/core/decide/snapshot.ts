import type { Context, Levels } from '../policy/context.js'
import type { Scope } from '../judgement/effective-threshold.js'
import type { Policy } from '../policy/policy.js'
import type { Scorer } from '../predictor/predictor.js'
import type { Guarantee } from '../judgement/guarantee.js'

/** All that a decision in one context needs. */
export interface Rule {
  /** The key the threshold came from; `null`: none did, and the generation's own key is the answer. */
  readonly context: string | null
  readonly threshold: number | null
  /** What gives the score that the threshold is for; `null`: the raw confidence is it. */
  readonly scorer: Scorer | null
  /** The predictors that gather evidence here, for the probes they need. */
  readonly trials: readonly Scorer[]
  readonly scope: Scope
  readonly guarantee: Guarantee | null
  readonly mode: Policy['mode']
  readonly minTokens: number
  readonly checkEveryTokens: number
  readonly controlShare: number
  readonly recordSteps: boolean
}

export interface Node {
  readonly key: string
  /** For a generation that ends here, or whose next level was never seen. */
  readonly rule: Rule
  readonly children: ReadonlyMap<string, Node>
}

/** The model a replica decides with; never edited, only replaced. */
export interface Snapshot {
  readonly stateId: string
  readonly version: number
  readonly levels: Levels
  /** For the arms; `null` before the store was ever reached, and then nothing is control. */
  readonly salt: string | null
  readonly root: Node
}

export const MISSING = '' // no value is empty, so this is a level that is absent

/** The rule for a generation's context. */
export function ruleFor ({ root, levels }: Snapshot, context: Context | undefined): Rule {
  let node = root
  for (const level of levels) {
    const child = node.children.get(context?.[level] ?? MISSING)
    if (child === undefined) break
    node = child
  }
  return node.rule
}
