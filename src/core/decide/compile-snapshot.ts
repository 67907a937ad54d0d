import { byDepth, chainOf, parseContextKey, ROOT, type Levels } from '../policy/context.js'
import { certifyingDepthOf, controlShareInForce, effectiveThreshold } from '../judgement/effective-threshold.js'
import { NO_JUDGEMENT } from '../judgement/judge.js'
import { scorerFor, type Scorer } from '../predictor/predictor.js'
import type { LivePredictors } from '../predictor/predictor-version.js'
import { MISSING, type Node, type Rule, type Snapshot } from './snapshot.js'
import { chainLink, type ChainLink } from '../judgement/chain-link.js'

/** A node under construction. */
interface Draft { readonly key: string, rule: Rule, children: Map<string, Draft> }

/**
 * Compiles the links of all contexts into a tree by level, in which a decision finds its rule without building a key. Nodes of the
 * previous snapshot are shared, never edited: only nodes on the way to a change are copied, so the cost is proportional to the changes.
 */
export class SnapshotCompiler {
  readonly #levels: Levels
  readonly #links: ReadonlyMap<string, ChainLink>
  readonly #predictors: LivePredictors
  readonly #made = new Set<Draft>()
  readonly #ownsChildren = new Set<Draft>()
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
    const path = [this.#root]
    const context = parseContextKey(this.#levels, key)!
    for (const link of chainOf(key).slice(1)) path.push(this.#child(path.at(-1)!, context[this.#levels[path.length - 1]!] ?? MISSING, link))
    const node = path.at(-1)!
    node.rule = this.#ruleOf(key)
    for (const [value, child] of node.children) this.#inherit(node, value, child)
  }

  finish ({ stateId, version, salt }: Pick<Snapshot, 'stateId' | 'version' | 'salt'>): Snapshot {
    return { stateId, version, levels: this.#levels, salt, root: this.#root }
  }

  /** Updates the contexts below a changed key; they depend on it only where they belong to a pool. */
  #inherit (parent: Draft, value: string, node: Draft): void {
    let mine = node
    if (this.#links.get(node.key)!.policy.certify_at !== null) {
      mine = this.#child(parent, value, node.key)
      mine.rule = this.#ruleOf(node.key)
    }
    if (mine.children.size === 0) return
    if (mine === node && !this.#made.has(node)) mine = this.#child(parent, value, node.key)
    for (const [inner, child] of mine.children) this.#inherit(mine, inner, child)
  }

  /** The child with that value, copied if needed so that it may be edited. */
  #child (parent: Draft, value: string, key: string): Draft {
    const child = parent.children.get(value)
    if (child !== undefined && this.#made.has(child)) return child
    if (!this.#ownsChildren.has(parent)) {
      parent.children = new Map(parent.children)
      this.#ownsChildren.add(parent)
    }
    const node = child === undefined ? this.#draft(key) : this.#copy(child)
    parent.children.set(internalized(value), node)
    return node
  }

  #draft (key: string): Draft {
    return this.#own({ key, rule: this.#ruleOf(key), children: NO_CHILDREN })
  }

  #copy ({ key, rule, children }: Node): Draft {
    return this.#own({ key, rule, children: children as Map<string, Draft> })
  }

  #own (node: Draft): Draft {
    this.#made.add(node)
    return node
  }

  #ruleOf (key: string): Rule {
    const chain = chainOf(key).map((link) => this.#links.get(link)!)
    const isLeaf = chain.length === this.#levels.length + 1
    const scorers = (names: readonly string[]) => scorersIn(this.#predictors, key, names)
    if (!isLeaf) return ruleOf(this.#levels, [...chain, unseen(chain.at(-1)!)], scorers)
    return ruleOf(this.#levels, chain, scorers)
  }
}

/** Shared, since most nodes are leaves. */
const NO_CHILDREN = new Map<string, Draft>()

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

const NO_SCORERS: readonly Scorer[] = []

function scorersIn (predictors: LivePredictors, key: string, names: readonly string[]): readonly Scorer[] {
  if (names.length === 0) return NO_SCORERS
  return [...new Set(names)].flatMap((name) => predictors.has(name) ? [scorerFor(predictors.get(name)!, key)] : [])
}

function ruleOf (levels: Levels, chain: readonly ChainLink[], scorers: (names: readonly string[]) => readonly Scorer[]): Rule {
  const force = effectiveThreshold(chain, certifyingDepthOf(levels, chain))
  const leaf = chain.at(-1)!
  const { policy } = leaf
  return {
    context: force.source.key || null,
    threshold: force.threshold,
    lottery: force.lottery,
    scorer: force.scorer === null ? null : scorers([force.scorer])[0]!,
    trials: scorers(force.source.trials),
    scope: force.scope,
    guarantee: force.guarantee,
    label: force.source.policy.label,
    mode: policy.mode,
    minTokens: policy.min_tokens,
    checkEveryTokens: policy.check_every_tokens,
    checkGrowth: policy.check_growth,
    controlShare: controlShareInForce(force),
    recordSteps: policy.record_steps,
    epoch: force.source.epochName,
    enrolledShare: !force.isEvidence || force.source.policy.follow_up_seconds === 0 ? 0 : force.source.policy.label_rate,
    warnings: force.source.warnings,
  }
}
