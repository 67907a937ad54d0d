import { type Scope, ALL_LABELS, type ContextRule } from './rule.js'
import type { ProbeForm } from './probe-form.js'
import { chainOf, type Levels, parseContextKey, ROOT } from '../policy/context.js'
import { type Policy, TOKENS } from '../policy/policy.js'
import { checkCountsOf, nameOf, predictorIn, type ScoredBy, type Scorer } from './scorer.js'
import { ANY_OTHER, MISSING_LEVEL, NO_NODES, otherChild, type SnapshotNode, type Snapshot } from './snapshot.js'

/** From the first release on, it increases whenever a worker of the last release could misread a bundle. */
export const BUNDLE_FORMAT = 1

/**
 * A rule, which many contexts may share. The threshold for a predictor's score has a field of its own: a worker that ignores predictors
 * would otherwise compare the confidence with it, and stop generations that no certificate covers.
 */
export interface BundleRule {
  /** For the raw confidence; `null`: never stop by confidence. */
  readonly threshold: number | null
  /** `tokens`, or the name of the predictor whose score decides; absent: the raw confidence decides. */
  readonly scorer?: string
  /** For the score of `scorer`; present if and only if `scorer` is. `null`: never stop. */
  readonly score_threshold?: number | null
  /** A certified threshold is suspended, and no other is in force; absent: none is suspended. */
  readonly suspended?: true
  readonly scope: Scope
  /** Key that the threshold came from; absent: the generation's own. */
  readonly context?: string
  /** The certified property; absent: exact match. */
  readonly label?: 'agreement'
  readonly mode: Policy['mode']
  readonly min_tokens: number
  readonly check_every_tokens: number
  readonly check_growth: number
  /** Share of the draws to enrol, by their second hash; 0: none. */
  readonly label_rate: number
  /** Graders may get the prompt with the outcome; absent: the service drops it. */
  readonly store_prompts?: true
  /** How answers are forced; `null`: no form agrees, so that nothing is probed for a time; absent: no worker has searched for one. */
  readonly probe_form?: ProbeForm | null
}

/** One value of a level, with the values of the next level below it. */
interface BundleNode {
  /** Index into `rules`, for a generation that ends here or whose next value is not below; absent: outside the bundle, so continue. */
  readonly rule?: number
  /** Absent: 1, everything is control. */
  readonly control_share?: number
  /** Name of the epoch, for POST /v1/enrolments; absent: the context is new. */
  readonly epoch?: string
  /** Index into `weights`, of the predictor that the rule names; absent: it names none. */
  readonly weights?: number
  /** By value of the next level; `""`: the level is absent. */
  readonly below?: Readonly<Record<string, BundleNode>>
  /** Index into `others`, for values that are not in `below`; absent: none of them has a node. */
  readonly others?: number
}

/** Nodes of values that the service does not know below some node, where policies state what holds for them. */
interface BundleOthers {
  /** By value, as in `below`. */
  readonly named: Readonly<Record<string, BundleNode>>
  /** For any other value; absent: the rule of the node above holds. */
  readonly any?: BundleNode
}

/** All that a worker needs to decide by itself for the contexts within a prefix. */
export interface Bundle {
  readonly format: typeof BUNDLE_FORMAT
  readonly state_id: string
  readonly snapshot_version: number
  readonly salt: string | null
  readonly levels: Levels
  readonly prefix: string
  readonly rules: readonly BundleRule[]
  /** The predictors that rules name. */
  readonly predictors: Readonly<Record<string, BundlePredictor>>
  readonly weights: readonly BundleWeights[]
  readonly others: readonly BundleOthers[]
  readonly root: BundleNode
}

type BundlePredictor = Pick<Scorer, 'signals' | 'grid'>
type BundleWeights = Pick<Scorer, 'log_median' | 'length_power' | 'weights'>

/** The bundle of a snapshot, cut to the contexts within a prefix: nodes on the way to the prefix have no rule. */
export function bundleOf ({ stateId, version, salt, levels, root }: Snapshot, prefix: string = ROOT): Bundle {
  const rules = new Shared<BundleRule>()
  const weights = new Shared<BundleWeights>()
  const others = new Shared<BundleOthers>()
  const predictors: Record<string, BundlePredictor> = Object.create(null)
  const path = valuesOf(levels, prefix)

  function leafOf (rule: ContextRule): BundleNode {
    const scorer = predictorIn(rule.scorer)
    if (scorer !== null) predictors[scorer.name] = { signals: scorer.signals, grid: scorer.grid }
    return {
      rule: rules.indexOf(bundleRule(rule, levels)),
      ...(rule.controlShare !== 1 && { control_share: rule.controlShare }),
      ...(rule.epoch !== null && { epoch: rule.epoch }),
      ...(scorer !== null && { weights: weights.indexOf(weightsOf(scorer)) }),
    }
  }

  function treeOf ({ rule, children, others }: SnapshotNode): BundleNode {
    return { ...leafOf(rule), ...(children.size > 0 && { below: recordOf(children) }), ...(others.size > 0 && { others: indexOf(others) }) }
  }

  function recordOf (nodes: ReadonlyMap<string, SnapshotNode>): Record<string, BundleNode> {
    const inOrder = [...nodes].sort(([a], [b]) => a < b ? -1 : 1) // replicas load contexts in different orders
    return record(inOrder.map(([value, child]) => [value, treeOf(child)]))
  }

  function indexOf (nodes: SnapshotNode['others']): number {
    const any = nodes.get(ANY_OTHER)
    const named = new Map([...nodes].filter((entry): entry is [string, SnapshotNode] => entry[0] !== ANY_OTHER))
    return others.indexOf({ named: recordOf(named), ...(any !== undefined && { any: treeOf(any) }) })
  }

  /** Where the snapshot does not reach down to the prefix, the last rule on the way holds for all contexts within the prefix. */
  function cut (node: SnapshotNode, isInSnapshot: boolean, depth: number): BundleNode {
    if (depth === path.length) return isInSnapshot ? treeOf(node) : leafOf(node.rule)
    const child = isInSnapshot ? node.children.get(path[depth]!) ?? otherChild(node, path[depth]!) : undefined
    return { below: record([[path[depth]!, cut(child ?? node, child !== undefined, depth + 1)]]) }
  }

  const tree = cut(root, true, 0)
  return {
    format: BUNDLE_FORMAT,
    state_id: stateId,
    snapshot_version: version,
    salt,
    levels,
    prefix,
    rules: rules.all,
    predictors,
    weights: weights.all,
    others: others.all,
    root: tree,
  }
}

function weightsOf ({ log_median, length_power, weights }: Scorer): BundleWeights { return { log_median, length_power, weights } }

/** Lists each value once, however many nodes have it. */
class Shared<T> {
  readonly all: T[] = []
  readonly #indexes = new Map<string, number>()

  indexOf (value: T): number {
    const text = JSON.stringify(value)
    let index = this.#indexes.get(text)
    if (index === undefined) this.#indexes.set(text, index = this.all.push(value) - 1)
    return index
  }
}

/** Has no prototype, so that a context value such as `__proto__` is a key like any other. */
function record (entries: ReadonlyArray<readonly [string, BundleNode]>): Record<string, BundleNode> {
  const below: Record<string, BundleNode> = Object.create(null)
  for (const [value, node] of entries) below[value] = node
  return below
}

function valuesOf (levels: Levels, prefix: string): string[] {
  const context = parseContextKey(levels, prefix)!
  return chainOf(prefix).slice(1).map((_, depth) => context[levels[depth]!] ?? MISSING_LEVEL)
}

function bundleRule (rule: ContextRule, levels: Levels): BundleRule {
  const { threshold, scorer, isSuspended, scope, context, label, mode } = rule
  const { minTokens, checkEveryTokens, checkGrowth, storePrompts } = rule
  const { enrolledShare, probeForm } = rule
  return {
    threshold: scorer === null ? threshold : null,
    ...(scorer !== null && { scorer: nameOf(scorer), score_threshold: threshold }),
    ...(isSuspended && { suspended: true }),
    scope,
    ...(context !== null && chainOf(context).length <= levels.length && { context }), // a pool's
    ...(label === 'agreement' && { label }),
    mode,
    min_tokens: minTokens,
    check_every_tokens: checkEveryTokens,
    check_growth: checkGrowth,
    label_rate: enrolledShare,
    ...(storePrompts && { store_prompts: true }),
    ...(probeForm !== undefined && { probe_form: probeForm }),
  }
}

/** The rule of every context outside the bundle's prefix: continue. */
const OUTSIDE: ContextRule = {
  context: null,
  threshold: null,
  scorer: null,
  isSuspended: false,
  scope: 'none',
  guarantee: null,
  label: 'exact_match',
  mode: 'off',
  minTokens: 0,
  checkEveryTokens: 32,
  checkGrowth: 0,
  checkCounts: undefined,
  controlShare: 0,
  evidenceShare: 0,
  storePrompts: false,
  epoch: null,
  enrolledShare: 0,
  probeForm: undefined,
  labelReach: ALL_LABELS,
  warnings: [],
}

/**
 * Rebuilds the snapshot that a bundle was made from. Its decisions are the service's.
 * @throws Error where the bundle refers to a part that it does not have
 */
export function snapshotOfBundle (
  { state_id: stateId, snapshot_version: version, salt, levels, rules, predictors, weights, others, root }: Bundle): Snapshot {
  const shared = new Map<number, SnapshotNode['others']>()

  function nodeOf (node: BundleNode): SnapshotNode {
    const rule = node.rule === undefined ? OUTSIDE : ruleOf(partOf(rules[node.rule], `rule ${node.rule}`), node)
    return { key: '', rule, children: new Map(entriesOf(node.below ?? {})), others: node.others === undefined ? NO_NODES : othersAt(node.others) }
  }

  function entriesOf (nodes: Readonly<Record<string, BundleNode>>): Array<[string, SnapshotNode]> {
    return Object.entries(nodes).map(([value, child]) => [value, nodeOf(child)])
  }

  function othersAt (index: number): SnapshotNode['others'] {
    let nodes = shared.get(index)
    if (nodes === undefined) {
      const { named, any } = partOf(others[index], `others ${index}`)
      shared.set(index, nodes = new Map([...entriesOf(named), ...(any === undefined ? [] : [[ANY_OTHER, nodeOf(any)] as const])]))
    }
    return nodes
  }

  function ruleOf (shared: BundleRule, node: BundleNode): ContextRule {
    const { scorer, suspended = false, scope, context, label = 'exact_match', mode, min_tokens, label_rate } = shared
    const { check_every_tokens, check_growth, probe_form: probeForm } = shared
    const scorerOf = (name: string): ScoredBy => {
      if (name === TOKENS) return TOKENS
      const place = partOf(node.weights, `weights of ${name}`)
      return { name, ...partOf(predictors[name], `predictor ${name}`), ...partOf(weights[place], `weights ${place}`) }
    }
    const scoredBy = scorer === undefined ? null : scorerOf(scorer)
    return {
      context: context ?? null,
      threshold: scorer === undefined ? shared.threshold : shared.score_threshold ?? null,
      scorer: scoredBy,
      isSuspended: suspended,
      scope,
      guarantee: null,
      label,
      mode,
      minTokens: min_tokens,
      checkEveryTokens: check_every_tokens,
      checkGrowth: check_growth,
      checkCounts: checkCountsOf(scoredBy),
      controlShare: node.control_share ?? 1,
      evidenceShare: node.control_share ?? 1, // the service knows that of a new member of a pool (`acceptEnrolments`)
      storePrompts: shared.store_prompts ?? false,
      epoch: node.epoch ?? null,
      enrolledShare: label_rate,
      probeForm,
      labelReach: ALL_LABELS, // the service decides about labels
      warnings: [],
    }
  }

  return { stateId, version, salt, levels, root: nodeOf(root) }
}

function partOf<T> (part: T | undefined, name: string): T {
  if (part === undefined) throw new Error(`the bundle has no ${name}`)
  return part
}
