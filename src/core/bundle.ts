import { chainOf, parseContextKey, ROOT, type Levels } from './context.js'
import type { Scope } from './in-force.js'
import type { Policy } from './policy.js'
import { MISSING, type Node, type Rule, type Snapshot } from './snapshot.js'

/** A rule as contexts share it. */
export interface BundleRule {
  readonly threshold: number | null
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
  /** By value of the next level; `""`: the level is absent. */
  readonly below?: Readonly<Record<string, BundleNode>>
}

/** All that a worker needs to decide by itself, within a prefix. */
export interface Bundle {
  readonly state_id: string
  readonly model_version: number
  readonly salt: string | null
  readonly levels: Levels
  readonly prefix: string
  readonly rules: readonly BundleRule[]
  readonly root: BundleNode
}

/** The bundle of a snapshot, cut to the contexts within a prefix; nothing stands on the way there. */
export function bundleOf ({ stateId, version, salt, levels, root }: Snapshot, prefix: string = ROOT): Bundle {
  const rules: BundleRule[] = []
  const indexes = new Map<string, number>()
  const path = valuesOf(levels, prefix)

  function indexOf (rule: Rule): number {
    const shared = shareable(rule)
    const text = JSON.stringify(shared)
    const known = indexes.get(text)
    if (known !== undefined) return known
    indexes.set(text, rules.length)
    return rules.push(shared) - 1
  }

  function stand (rule: Rule): BundleNode {
    return { rule: indexOf(rule), ...(rule.controlShare !== 1 && { control_share: rule.controlShare }) }
  }

  function whole ({ rule, children }: Node): BundleNode {
    if (children.size === 0) return stand(rule)
    return { ...stand(rule), below: record([...children].map(([value, child]) => [value, whole(child)])) }
  }

  /** Below the last node that is known on the way, its rule is that of all contexts within the prefix. */
  function cut (node: Node, isKnown: boolean, depth: number): BundleNode {
    if (depth === path.length) return isKnown ? whole(node) : stand(node.rule)
    const child = isKnown ? node.children.get(path[depth]!) : undefined
    return { below: record([[path[depth]!, cut(child ?? node, child !== undefined, depth + 1)]]) }
  }

  return { state_id: stateId, model_version: version, salt, levels, prefix, root: cut(root, true, 0), rules }
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

function shareable ({ threshold, scope, context, mode, minTokens, checkEveryTokens, recordSteps }: Rule): BundleRule {
  return {
    threshold,
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
  scope: 'none',
  guarantee: null,
  mode: 'off',
  minTokens: 0,
  checkEveryTokens: 32,
  controlShare: 0,
  recordSteps: false,
}

/** The snapshot that a bundle was made of, as far as it goes: decisions made with it are the service's, but for their guarantee. */
export function snapshotOfBundle ({ state_id: stateId, model_version: version, salt, levels, rules, root }: Bundle): Snapshot {
  function nodeOf ({ rule, control_share: controlShare = 1, below = {} }: BundleNode): Node {
    const children = Object.entries(below).map(([value, child]) => [value, nodeOf(child)] as const)
    return { key: '', rule: rule === undefined ? OUTSIDE : ruleOf(rules[rule]!, controlShare), children: new Map(children) }
  }
  return { stateId, version, salt, levels, root: nodeOf(root) }
}

function ruleOf (shared: BundleRule, controlShare: number): Rule {
  const { threshold, scope, context, mode, min_tokens, check_every_tokens, record_steps } = shared
  return {
    context: context ?? null,
    threshold,
    scope,
    guarantee: null,
    mode,
    minTokens: min_tokens,
    checkEveryTokens: check_every_tokens,
    controlShare,
    recordSteps: record_steps,
  }
}
