import { chainOf, parseContextKey, ROOT, type Context, type Levels } from './context.js'
import { inForce, wantedShare, type Scope, type Standing } from './in-force.js'
import { NO_JUDGEMENT, type Guarantee } from './judge.js'
import type { Policy } from './policy.js'

/** All that a decision in one context needs. */
export interface Rule {
  /** The key the threshold came from; `null`: none did, and the generation's own key is the answer. */
  readonly context: string | null
  readonly threshold: number | null
  readonly scope: Scope
  readonly guarantee: Guarantee | null
  readonly mode: Policy['mode']
  readonly minTokens: number
  readonly checkEveryTokens: number
  readonly controlShare: number
  readonly recordSteps: boolean
}

interface Node {
  /** For a generation that ends here, or whose next level was never seen. */
  readonly rule: Rule
  readonly children: Map<string, Node>
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

/** A standing with the control share its learner follows; absent before any outcome. */
export interface Standpoint { readonly standing: Standing, readonly share: number | undefined }

const MISSING = '' // no value is empty, so this is a level that is absent

/**
 * Compiles what stands in every known context into a tree by level, in which a decision looks its rule up without building a key.
 * @param standpoints by key; must hold the root, and with each key its ancestors
 */
export function compileSnapshot (
  { stateId, version, levels, salt }: Omit<Snapshot, 'root'>, standpoints: ReadonlyMap<string, Standpoint>): Snapshot {
  const nodes = new Map<string, Node>()
  for (const key of [...standpoints.keys()].sort((a, b) => chainOf(a).length - chainOf(b).length)) {
    const chain = chainOf(key).map((link) => standpoints.get(link)!.standing)
    const isLeaf = chain.length === levels.length + 1
    const rule = isLeaf ? ruleOf(chain, standpoints.get(key)!.share) : ruleOf([...chain, unseen(chain.at(-1)!)], undefined)
    const node = { rule, children: new Map() }
    nodes.set(key, node)
    if (key === ROOT) continue
    const level = levels[chain.length - 2]!
    nodes.get(chain.at(-2)!.key)!.children.set(parseContextKey(levels, key)![level] ?? MISSING, node)
  }
  return { stateId, version, levels, salt, root: nodes.get(ROOT)! }
}

/** A leaf of which nothing is known but where it hangs. */
function unseen ({ policy }: Standing): Standing {
  return { key: '', policy, pin: undefined, ...NO_JUDGEMENT, savedRatio: 0, isRecovering: false, generations: 0 }
}

function ruleOf (chain: readonly Standing[], share: number | undefined): Rule {
  const force = inForce(chain)
  const { policy } = chain.at(-1)!
  const wanted = wantedShare(chain.at(-1)!, force)
  return {
    context: force.source.key || null,
    threshold: force.threshold,
    scope: force.scope,
    guarantee: force.scope === 'own' && !force.isPinned ? force.source.guarantee : null,
    mode: policy.mode,
    minTokens: policy.min_tokens,
    checkEveryTokens: policy.check_every_tokens,
    controlShare: policy.control_rate === 'auto' && force.threshold !== null ? share ?? wanted : wanted,
    recordSteps: policy.record_steps,
  }
}

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
