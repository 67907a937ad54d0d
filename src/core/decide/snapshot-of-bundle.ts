import type { Scorer } from '../predictor/predictor.js'
import type { Bundle, BundleNode, BundleRule } from './bundle.js'
import type { Node, Rule, Snapshot } from './snapshot.js'

/** The rule of every context outside the bundle's prefix: continue. */
const OUTSIDE: Rule = {
  context: null,
  threshold: null,
  lottery: null,
  scorer: null,
  trials: [],
  scope: 'none',
  guarantee: null,
  label: 'exact_match',
  mode: 'off',
  minTokens: 0,
  checkEveryTokens: 32,
  checkGrowth: 0,
  controlShare: 0,
  recordSteps: false,
  epoch: null,
  enrolledShare: 0,
  warnings: [],
}

/**
 * Rebuilds the snapshot that a bundle was made from. Its decisions are the service's, but carry no guarantee.
 * @throws Error where the bundle refers to a part that it does not have
 */
export function snapshotOfBundle (
  { state_id: stateId, model_version: version, salt, levels, rules, predictors, weights, root }: Bundle): Snapshot {
  function nodeOf (node: BundleNode): Node {
    const children = Object.entries(node.below ?? {}).map(([value, child]) => [value, nodeOf(child)] as const)
    return { key: '', rule: node.rule === undefined ? OUTSIDE : ruleOf(partOf(rules[node.rule], `rule ${node.rule}`), node), children: new Map(children) }
  }

  function ruleOf (shared: BundleRule, node: BundleNode): Rule {
    const { scorer, lottery = null, trials = [], scope, context, label = 'exact_match', mode, min_tokens, check_every_tokens, check_growth, record_steps, label_rate } = shared
    const scorerOf = (name: string): Scorer => {
      const place = partOf(node.weights?.[name], `weights of ${name}`)
      return { name, ...partOf(predictors[name], `predictor ${name}`), ...partOf(weights[place], `weights ${place}`) }
    }
    return {
      context: context ?? null,
      threshold: scorer === undefined ? shared.threshold : shared.score_threshold ?? null,
      lottery,
      scorer: scorer === undefined ? null : scorerOf(scorer),
      trials: trials.map(scorerOf),
      scope,
      guarantee: null,
      label,
      mode,
      minTokens: min_tokens,
      checkEveryTokens: check_every_tokens,
      checkGrowth: check_growth,
      controlShare: node.control_share ?? 1,
      recordSteps: record_steps,
      epoch: node.epoch ?? null,
      enrolledShare: label_rate,
      warnings: [],
    }
  }

  return { stateId, version, salt, levels, root: nodeOf(root) }
}

function partOf<T> (part: T | undefined, name: string): T {
  if (part === undefined) throw new Error(`the bundle has no ${name}`)
  return part
}
