import { type SnapshotNode, type Snapshot, MISSING_LEVEL } from '../decide/snapshot.js'
import type { ContextRule } from '../decide/rule.js'
import { chainLink, type ChainLink } from './chain-link.js'
import { checkEveryTokens } from './check-distance.js'
import { certifyingDepthOf, controlShareInForce, effectiveThreshold, evidenceShareInForce } from './effective-threshold.js'
import { NO_JUDGEMENT } from './judge.js'
import { scoreOfPolicy } from '../scores/score.js'
import { byDepth, chainOf, type Levels, parseContextKey, ROOT } from '../policy/context.js'
import type { LivePredictors } from '../scores/predictor-version.js'
import { scorerFor } from '../scores/predictor.js'

/** A node that this compilation made, and may edit until it is finished. Its children may be nodes of the previous snapshot. */
interface Draft { readonly key: string, rule: ContextRule, children: ReadonlyMap<string, SnapshotNode> }

/**
 * Compiles the links of all contexts into a tree by level, in which a decision finds its rule without building a key. Nodes of the
 * previous snapshot are shared, never edited: only nodes on the way to a change are copied, so the cost is proportional to the changes.
 */
export class SnapshotCompiler {
  readonly #levels: Levels
  readonly #links: ReadonlyMap<string, ChainLink>
  readonly #predictors: LivePredictors
  /** The drafts, which are in the tree as nodes. */
  readonly #drafts = new Map<SnapshotNode, Draft>()
  /** The children of drafts that have their own map, to write to. */
  readonly #children = new Map<Draft, Map<string, SnapshotNode>>()
  readonly #root: Draft

  /** @param links by key; must include the root, and the ancestors of each key */
  constructor (levels: Levels, links: ReadonlyMap<string, ChainLink>, predictors: LivePredictors, previous: Snapshot | null) {
    this.#levels = levels
    this.#links = links
    this.#predictors = predictors
    this.#root = previous === null ? this.#draft(ROOT) : this.#copy(previous.root)
  }

  /** Compiles a key whose link is new or has changed. Call it for ancestors before descendants. */
  add (key: string): void {
    const { node } = this.#find(key)
    node.rule = this.#ruleOf(key)
    for (const [value, child] of node.children) this.#inherit(node, value, child)
  }

  /** Removes a key, unless it is the root or there are contexts below it. @returns whether it did */
  remove (key: string): boolean {
    const { node, parent, value } = this.#find(key)
    if (parent === null || node.children.size > 0) return false
    this.#ownChildren(parent).delete(value)
    return true
  }

  /** The draft of a key, which is made if there is none, its parent, and its value there. */
  #find (key: string): { readonly node: Draft, readonly parent: Draft | null, readonly value: string } {
    let [node, parent, value]: [Draft, Draft | null, string] = [this.#root, null, '']
    const context = parseContextKey(this.#levels, key)!
    for (const [depth, link] of chainOf(key).slice(1).entries()) {
      parent = node
      value = context[this.#levels[depth]!] ?? MISSING_LEVEL
      node = this.#child(node, value, link)
    }
    return { node, parent, value }
  }

  finish ({ stateId, version, salt }: Pick<Snapshot, 'stateId' | 'version' | 'salt'>): Snapshot {
    return { stateId, version, levels: this.#levels, salt, root: this.#root }
  }

  /** Updates the contexts below a changed key; they depend on it only where they belong to a pool. */
  #inherit (parent: Draft, value: string, node: SnapshotNode): void {
    let mine = this.#drafts.get(node)
    if (this.#links.get(node.key)!.policy.certify_at !== null) {
      mine = this.#child(parent, value, node.key)
      mine.rule = this.#ruleOf(node.key)
    }
    if ((mine ?? node).children.size === 0) return
    mine ??= this.#child(parent, value, node.key)
    for (const [inner, child] of mine.children) this.#inherit(mine, inner, child)
  }

  /** The child with that value, copied if needed so that it may be edited. */
  #child (parent: Draft, value: string, key: string): Draft {
    const child = parent.children.get(value)
    const made = child && this.#drafts.get(child)
    if (made !== undefined) return made
    const node = child === undefined ? this.#draft(key) : this.#copy(child)
    this.#ownChildren(parent).set(internalized(value), node)
    return node
  }

  /** The children of a draft in a map of its own; at first it shares that of the node that it copies. */
  #ownChildren (parent: Draft): Map<string, SnapshotNode> {
    let own = this.#children.get(parent)
    if (own === undefined) {
      parent.children = own = new Map(parent.children)
      this.#children.set(parent, own)
    }
    return own
  }

  #draft (key: string): Draft {
    return this.#own({ key, rule: this.#ruleOf(key), children: NO_CHILDREN })
  }

  #copy ({ key, rule, children }: SnapshotNode): Draft {
    return this.#own({ key, rule, children })
  }

  #own (node: Draft): Draft {
    this.#drafts.set(node, node)
    return node
  }

  #ruleOf (key: string): ContextRule {
    const chain = chainOf(key).map((link) => this.#links.get(link)!)
    const isLeaf = chain.length === this.#levels.length + 1
    return ruleOf(this.#levels, isLeaf ? chain : [...chain, unseen(chain.at(-1)!)], this.#predictors, key)
  }
}

/** Shared, since most nodes are leaves. */
const NO_CHILDREN: ReadonlyMap<string, SnapshotNode> = new Map()

/**
 * The same string as V8 keeps it once for all equal ones, as it does the names of properties. JSON.parse makes short values so, too: a
 * lookup then compares two pointers instead of two texts that are in no cache, which makes a decision among ten thousand contexts a
 * seventh faster.
 */
function internalized (text: string): string {
  return Object.keys({ [text]: null })[0]!
}

/** Compiles a snapshot from scratch. */
export function compileSnapshot (
  { levels, ...header }: Omit<Snapshot, 'root'>, links: ReadonlyMap<string, ChainLink>, predictors: LivePredictors = new Map()
): Snapshot {
  const compiler = new SnapshotCompiler(levels, links, predictors, null)
  for (const key of byDepth(links.keys())) compiler.add(key)
  return compiler.finish(header)
}

/** The link of a leaf that has no state yet, below a parent with this policy. */
function unseen ({ policy }: ChainLink): ChainLink {
  return chainLink('', policy, undefined, undefined, NO_JUDGEMENT)
}

/** @param key selects the weights of a predictor */
function ruleOf (levels: Levels, chain: readonly ChainLink[], predictors: LivePredictors, key: string): ContextRule {
  const force = effectiveThreshold(chain, certifyingDepthOf(levels, chain))
  const leaf = chain.at(-1)!
  const { policy } = leaf
  const score = scoreOfPolicy(force.source.policy, levels, predictors)
  return {
    context: force.source.key || null,
    threshold: score === undefined ? null : force.threshold, // without its predictor, a threshold stops nothing
    scorer: score?.predictor == null ? null : scorerFor(score.predictor, key),
    isSuspended: force.isSuspended,
    scope: force.scope,
    guarantee: force.guarantee,
    label: force.source.policy.label,
    mode: policy.mode,
    minTokens: policy.min_tokens,
    checkEveryTokens: checkEveryTokens(policy, force.source.checkDistance),
    checkGrowth: policy.check_growth,
    controlShare: controlShareInForce(force),
    evidenceShare: evidenceShareInForce(force),
    storePrompts: policy.store_prompts,
    epoch: force.source.epochName,
    enrolledShare: force.isEvidence ? force.source.policy.label_rate : 0,
    probeForm: force.source.probeForm?.form,
    labelReach: force.source.labelReach,
    warnings: force.source.warnings,
  }
}
