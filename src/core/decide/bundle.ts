import { chainOf, parseContextKey, ROOT, type Levels } from '../policy/context.js'
import type { Scope } from '../judgement/effective-threshold.js'
import type { Policy } from '../policy/policy.js'
import type { ContextWeights, Scorer } from '../predictor/predictor.js'
import { MISSING, type Node, type Rule, type Snapshot } from './snapshot.js'

/** Moves when a worker that goes by the format before could misread what is in a bundle. */
export const BUNDLE_FORMAT = 3

/**
 * A rule as contexts share it. A predictor's threshold has a field of its own: were it in `threshold`, a worker that knows nothing of
 * predictors would hold its confidence against it, and stop answers that no certificate covers.
 */
export interface BundleRule {
  /** For the raw confidence; `null`: never stop by that. */
  readonly threshold: number | null
  /** Name of the predictor whose score is decided by; absent: the raw confidence. */
  readonly scorer?: string
  /** For the score of that predictor; there where `scorer` is. */
  readonly score_threshold?: number | null
  /** Names of those on trial, which need probes; absent: none. */
  readonly trials?: readonly string[]
  readonly scope: Scope
  /** Key the threshold came from, where it is not the context's own. */
  readonly context?: string
  readonly mode: Policy['mode']
  readonly min_tokens: number
  readonly check_every_tokens: number
  readonly record_steps: boolean
}

/** What stands at one value of a level. */
export interface BundleNode {
  /** Index into the rules, for a generation that ends here or whose next value is not below; absent: not in the bundle, so continue. */
  readonly rule?: number
  /** Absent: 1, all of it is control. */
  readonly control_share?: number
  /** By name of a predictor that the rule names: index into the weights, by which it scores here; absent: it names none. */
  readonly weights?: Readonly<Record<string, number>>
  /** By value of the next level; `""`: the level is absent. */
  readonly below?: Readonly<Record<string, BundleNode>>
}

/** All that a worker needs to decide by itself, within a prefix. */
export interface Bundle {
  readonly format: typeof BUNDLE_FORMAT
  readonly state_id: string
  readonly model_version: number
  readonly salt: string | null
  readonly levels: Levels
  readonly prefix: string
  readonly rules: readonly BundleRule[]
  /** Those that rules name. */
  readonly predictors: Readonly<Record<string, BundlePredictor>>
  readonly weights: readonly ContextWeights[]
  readonly root: BundleNode
}

export type BundlePredictor = Pick<Scorer, 'signals' | 'grid'>

/** The bundle of a snapshot, cut to the contexts within a prefix; nothing stands on the way there. */
export function bundleOf ({ stateId, version, salt, levels, root }: Snapshot, prefix: string = ROOT): Bundle {
  const rules = new Shared<BundleRule>()
  const weights = new Shared<ContextWeights>()
  const predictors: Record<string, BundlePredictor> = Object.create(null)
  const path = valuesOf(levels, prefix)

  function stand (rule: Rule): BundleNode {
    const scorers = rule.scorer === null ? rule.trials : [rule.scorer, ...rule.trials]
    for (const { name, signals, grid } of scorers) predictors[name] = { signals, grid }
    const weigh = ({ name, log_median, length_power, weights: its }: Scorer) =>
      [name, weights.indexOf({ log_median, ...(length_power !== 0 && { length_power }), weights: its })]
    return {
      rule: rules.indexOf(shareable(rule)),
      ...(rule.controlShare !== 1 && { control_share: rule.controlShare }),
      ...(scorers.length > 0 && { weights: Object.fromEntries(scorers.map(weigh)) }),
    }
  }

  function whole ({ rule, children }: Node): BundleNode {
    if (children.size === 0) return stand(rule)
    const inOrder = [...children].sort(([a], [b]) => a < b ? -1 : 1) // replicas come to know contexts in different orders
    return { ...stand(rule), below: record(inOrder.map(([value, child]) => [value, whole(child)])) }
  }

  /** Below the last node that is known on the way, its rule is that of all contexts within the prefix. */
  function cut (node: Node, isKnown: boolean, depth: number): BundleNode {
    if (depth === path.length) return isKnown ? whole(node) : stand(node.rule)
    const child = isKnown ? node.children.get(path[depth]!) : undefined
    return { below: record([[path[depth]!, cut(child ?? node, child !== undefined, depth + 1)]]) }
  }

  const tree = cut(root, true, 0)
  return {
    format: BUNDLE_FORMAT,
    state_id: stateId,
    model_version: version,
    salt,
    levels,
    prefix,
    rules: rules.all,
    predictors,
    weights: weights.all,
    root: tree,
  }
}

/** Values that many nodes have, each once. */
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

/** Without a prototype, so that no value of a level is taken for a part of one. */
function record (entries: ReadonlyArray<readonly [string, BundleNode]>): Record<string, BundleNode> {
  const below: Record<string, BundleNode> = Object.create(null)
  for (const [value, node] of entries) below[value] = node
  return below
}

function valuesOf (levels: Levels, prefix: string): string[] {
  const context = parseContextKey(levels, prefix)!
  return chainOf(prefix).slice(1).map((_, depth) => context[levels[depth]!] ?? MISSING)
}

function shareable ({ threshold, scorer, trials, scope, context, mode, minTokens, checkEveryTokens, recordSteps }: Rule): BundleRule {
  return {
    threshold: scorer === null ? threshold : null,
    ...(scorer !== null && { scorer: scorer.name, score_threshold: threshold }),
    ...(trials.length > 0 && { trials: trials.map(({ name }) => name) }),
    scope,
    ...(scope === 'parent' && { context: context! }),
    mode,
    min_tokens: minTokens,
    check_every_tokens: checkEveryTokens,
    record_steps: recordSteps,
  }
}

/** What is not in a bundle is not stopped. */
const OUTSIDE: Rule = {
  context: null,
  threshold: null,
  scorer: null,
  trials: [],
  scope: 'none',
  guarantee: null,
  mode: 'off',
  minTokens: 0,
  checkEveryTokens: 32,
  controlShare: 0,
  recordSteps: false,
}

/** The snapshot that a bundle was made of, as far as it goes: decisions made with it are the service's, but for their guarantee. */
export function snapshotOfBundle (
  { state_id: stateId, model_version: version, salt, levels, rules, predictors, weights, root }: Bundle): Snapshot {
  function nodeOf (node: BundleNode): Node {
    const children = Object.entries(node.below ?? {}).map(([value, child]) => [value, nodeOf(child)] as const)
    return { key: '', rule: node.rule === undefined ? OUTSIDE : ruleOf(rules[node.rule]!, node), children: new Map(children) }
  }

  function ruleOf (shared: BundleRule, node: BundleNode): Rule {
    const { scorer, trials = [], scope, context, mode, min_tokens, check_every_tokens, record_steps } = shared
    const scorerOf = (name: string): Scorer => ({ name, ...predictors[name]!, length_power: 0, ...weights[node.weights![name]!]! })
    return {
      context: context ?? null,
      threshold: scorer === undefined ? shared.threshold : shared.score_threshold!,
      scorer: scorer === undefined ? null : scorerOf(scorer),
      trials: trials.map(scorerOf),
      scope,
      guarantee: null,
      mode,
      minTokens: min_tokens,
      checkEveryTokens: check_every_tokens,
      controlShare: node.control_share ?? 1,
      recordSteps: record_steps,
    }
  }

  return { stateId, version, salt, levels, root: nodeOf(root) }
}
