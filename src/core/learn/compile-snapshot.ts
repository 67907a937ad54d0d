import { ANY_OTHER, MISSING_LEVEL, NO_NODES, type SnapshotNode, type Snapshot } from '../decide/snapshot.js'
import type { ContextRule } from '../decide/rule.js'
import { chainLink, type ChainLink } from './chain-link.js'
import { checkEveryTokens } from './check-distance.js'
import { certifyingDepthOf, controlShareInForce, effectiveThreshold, evidenceShareInForce } from './effective-threshold.js'
import { NO_JUDGEMENT } from './judge.js'
import { checkCountsOf } from '../decide/scorer.js'
import { scoreOfPolicy, scorerOf } from '../scores/score.js'
import { byDepth, certifyingDepth, chainOf, isOpen, type Levels, parseContextKey, ROOT } from '../policy/context.js'
import { keyBelow, nextParts, type PatternTree, patternTree, treesAt, treesBelow } from '../policy/pattern.js'
import { CONFIDENCE, type Policy } from '../policy/policy.js'
import type { LivePredictors } from '../scores/predictor-version.js'

/** A node that this compilation made, and may edit until it is finished. Its children may be nodes of the previous snapshot. */
interface Draft {
  readonly key: string
  rule: ContextRule
  children: ReadonlyMap<string, SnapshotNode>
  others: SnapshotNode['others']
}

/** The patterns that state policies, and the policy in force at a key. */
export interface StatedPatterns { readonly tree: PatternTree, readonly policyAt: (key: string) => Policy }

const NO_PATTERNS: StatedPatterns = { tree: patternTree([]), policyAt: () => { throw new Error('there are no patterns') } }

/**
 * Compiles the links of all contexts into a tree by level, in which a decision finds its rule without building a key. Nodes of the
 * previous snapshot are shared, never edited: only nodes on the way to a change are copied, so the cost is proportional to the changes.
 */
export class SnapshotCompiler {
  readonly #levels: Levels
  readonly #links: ReadonlyMap<string, ChainLink>
  readonly #predictors: LivePredictors
  readonly #stated: StatedPatterns
  /** The drafts, which are in the tree as nodes. */
  readonly #drafts = new Map<SnapshotNode, Draft>()
  /** The children of drafts that have their own map, to write to. */
  readonly #children = new Map<Draft, Map<string, SnapshotNode>>()
  readonly #root: Draft
  /** Equal nodes of values that are not known, which most contexts share, and their maps, by what they hold. */
  readonly #equal = new Map<string, unknown>()
  /** The rules of contexts that gather evidence of their own but are not known, by their policies. */
  readonly #unseenRules = new Map<Policy, ContextRule>()
  readonly #ids = new Map<unknown, number>()

  /**
   * @param links by key; must include the root, and the ancestors of each key
   * @param stated the patterns must be those of the previous snapshot
   */
  constructor (
    levels: Levels, links: ReadonlyMap<string, ChainLink>, predictors: LivePredictors, previous: Snapshot | null, stated = NO_PATTERNS
  ) {
    this.#levels = levels
    this.#links = links
    this.#predictors = predictors
    this.#stated = stated
    this.#root = previous === null ? this.#draft(ROOT) : this.#copy(previous.root)
  }

  /** Compiles a key whose link is new or has changed. Call it for ancestors before descendants. */
  add (key: string): void {
    const { node, isNew } = this.#find(key)
    if (!isNew) this.#settle(node)
    for (const [value, child] of node.children) this.#inherit(node, value, child)
  }

  /** Removes a key, unless it is the root or there are contexts below it. @returns whether it did */
  remove (key: string): boolean {
    const { node, parent, value } = this.#find(key)
    if (parent === null || node.children.size > 0) return false
    this.#ownChildren(parent).delete(value)
    if (parent.others.size > 0) this.#settle(parent) // they may show what the removed key stated
    return true
  }

  /** The draft of a key, which is made if there is none, its parent, and its value there. */
  #find (key: string): { readonly node: Draft, readonly parent: Draft | null, readonly value: string, readonly isNew: boolean } {
    let [node, parent, value, isNew]: [Draft, Draft | null, string, boolean] = [this.#root, null, '', false]
    const context = parseContextKey(this.#levels, key)!
    for (const [depth, link] of chainOf(key).slice(1).entries()) {
      parent = node
      value = context[this.#levels[depth]!] ?? MISSING_LEVEL
      isNew = !parent.children.has(value)
      node = this.#child(node, value, link)
    }
    return { node, parent, value, isNew }
  }

  finish ({ stateId, version, salt }: Pick<Snapshot, 'stateId' | 'version' | 'salt'>): Snapshot {
    return { stateId, version, levels: this.#levels, salt, root: this.#root }
  }

  /** Updates the contexts below a changed key; they depend on it only where they belong to a pool. */
  #inherit (parent: Draft, value: string, node: SnapshotNode): void {
    let mine = this.#drafts.get(node)
    if (this.#links.get(node.key)!.policy.certify_at !== null || node.others.size > 0) {
      mine = this.#child(parent, value, node.key)
      this.#settle(mine)
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
    const { rule, others } = this.#contentOf(key)
    return this.#own({ key, rule, children: NO_NODES, others })
  }

  #copy ({ key, rule, children, others }: SnapshotNode): Draft {
    return this.#own({ key, rule, children, others })
  }

  #own (node: Draft): Draft {
    this.#drafts.set(node, node)
    return node
  }

  #settle (node: Draft): void { Object.assign(node, this.#contentOf(node.key)) }

  #contentOf (key: string): Pick<Draft, 'rule' | 'others'> {
    const keys = chainOf(key)
    const chain = keys.map((link) => this.#links.get(link)!)
    return { rule: this.#ruleOf(chain, key), others: this.#othersBelow(chain, key, treesAt(this.#stated.tree, key)) }
  }

  /** The nodes of values that are not known below a key, where patterns distinguish them. @param trees those that match the key */
  #othersBelow (chain: readonly ChainLink[], key: string, trees: readonly PatternTree[]): SnapshotNode['others'] {
    const parts = nextParts(trees)
    if (parts.size === 0) return NO_NODES
    const others = new Map<string | typeof ANY_OTHER, SnapshotNode>()
    for (const part of parts) {
      const child = keyBelow(key, part)
      const links = [...chain, unseen(this.#stated.policyAt(child))]
      const below = this.#othersBelow(links, child, treesBelow(trees, part))
      others.set(this.#valueIn(part, chain.length - 1), this.#unseenNode(this.#unseenRule(links, child), below))
    }
    return this.#shared([...others].flatMap(([value, node]) => [value, this.#idOf(node)]), others)
  }

  #unseenNode (rule: ContextRule, others: SnapshotNode['others']): SnapshotNode {
    return this.#shared([this.#idOf(rule), this.#idOf(others)], { key: '', rule, children: NO_NODES, others })
  }

  #unseenRule (chain: readonly ChainLink[], key: string): ContextRule {
    const { policy } = chain.at(-1)!
    const isOfPool = certifyingDepth(this.#levels, policy.certify_at) < chain.length - 1
    if (isOfPool || policy.score !== CONFIDENCE) return this.#ruleOf(chain, key)
    let rule = this.#unseenRules.get(policy)
    if (rule === undefined) this.#unseenRules.set(policy, rule = this.#ruleOf(chain, key))
    return rule
  }

  /** The first value that held the same. */
  #shared<T> (held: ReadonlyArray<string | number | null>, value: T): T {
    const text = JSON.stringify(held)
    const known = this.#equal.get(text)
    if (known === undefined) this.#equal.set(text, value)
    return (known ?? value) as T
  }

  #idOf (value: object): number {
    let id = this.#ids.get(value)
    if (id === undefined) this.#ids.set(value, id = this.#ids.size)
    return id
  }

  /** The value that a part of a key states, as the tree has it. */
  #valueIn (part: string, depth: number): string | typeof ANY_OTHER {
    const level = this.#levels[depth]!
    return isOpen(part) ? ANY_OTHER : internalized(parseContextKey([level], part)![level] ?? MISSING_LEVEL)
  }

  #ruleOf (chain: readonly ChainLink[], key: string): ContextRule {
    const isLeaf = chain.length === this.#levels.length + 1
    return ruleOf(this.#levels, isLeaf ? chain : [...chain, unseen(chain.at(-1)!.policy)], this.#predictors, key)
  }
}

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
  { levels, ...header }: Omit<Snapshot, 'root'>, links: ReadonlyMap<string, ChainLink>, predictors: LivePredictors = new Map(),
  stated?: StatedPatterns
): Snapshot {
  const compiler = new SnapshotCompiler(levels, links, predictors, null, stated)
  for (const key of byDepth(links.keys())) compiler.add(key)
  return compiler.finish(header)
}

/** The link of a context that has no state yet. */
function unseen (policy: Policy): ChainLink {
  return chainLink('', policy, undefined, undefined, NO_JUDGEMENT)
}

/** @param key selects the weights of a predictor */
function ruleOf (levels: Levels, chain: readonly ChainLink[], predictors: LivePredictors, key: string): ContextRule {
  const force = effectiveThreshold(chain, certifyingDepthOf(levels, chain))
  const leaf = chain.at(-1)!
  const { policy } = leaf
  const score = scoreOfPolicy(force.source.policy, levels, predictors)
  const scorer = score === undefined ? null : scorerOf(score, key)
  return {
    context: force.source.key || null,
    threshold: score === undefined ? null : force.threshold, // without its predictor, a threshold stops nothing
    scorer,
    isSuspended: force.isSuspended,
    scope: force.scope,
    guarantee: force.guarantee,
    label: force.source.policy.label,
    mode: policy.mode,
    minTokens: policy.min_tokens,
    checkEveryTokens: checkEveryTokens(policy, force.source.checkDistance),
    checkGrowth: policy.check_growth,
    checkCounts: checkCountsOf(scorer),
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
