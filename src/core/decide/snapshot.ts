import type { Context, Levels } from '../policy/context.js'
import type { ContextRule } from './rule.js'

export interface SnapshotNode {
  readonly key: string
  /** For a generation whose context ends here, or whose next value has no node. */
  readonly rule: ContextRule
  /** By value of the next level, those that are known. */
  readonly children: ReadonlyMap<string, SnapshotNode>
  /** For other values, where keys of policies leave a level open: by value, and by `ANY_OTHER` for those that no key names. */
  readonly others: ReadonlyMap<string | typeof ANY_OTHER, SnapshotNode>
}

/** The snapshot with which a replica decides. It is never edited, only replaced. */
export interface Snapshot {
  readonly stateId: string
  readonly version: number
  readonly levels: Levels
  /** Salt for drawing arms; `null` before the store has been reached, and then nothing is control. */
  readonly salt: string | null
  readonly root: SnapshotNode
}

/** Stands for an absent level in the tree; no value is empty. */
export const MISSING_LEVEL = ''

/** Stands for all values without a node of their own. */
export const ANY_OTHER = null

/** Shared, since most nodes are leaves. */
export const NO_NODES: ReadonlyMap<string, SnapshotNode> = new Map()

/** The rule for a generation's context: that of the deepest node that matches. */
export function ruleFor ({ root, levels }: Snapshot, context: Context | undefined): ContextRule {
  let node = root
  for (let depth = 0; depth < levels.length; depth++) { // `for of` costs a decision a tenth of its time
    const value = context?.[levels[depth]!] ?? MISSING_LEVEL
    const child = node.children.get(value) ?? otherChild(node, value)
    if (child === undefined) break
    node = child
  }
  return node.rule
}

/** The node for a value that is not known below another one; `undefined`: the rule of that one holds. */
export function otherChild ({ others }: SnapshotNode, value: string): SnapshotNode | undefined {
  return others.size === 0 ? undefined : others.get(value) ?? others.get(ANY_OTHER)
}

/** The same snapshot with mode `off` everywhere: every decision is `continue`. */
export function withoutStops (snapshot: Snapshot): Snapshot {
  const allOff = <V>(nodes: ReadonlyMap<V, SnapshotNode>) => new Map([...nodes].map(([value, node]) => [value, off(node)]))
  const off = ({ key, rule, children, others }: SnapshotNode): SnapshotNode =>
    ({ key, rule: { ...rule, mode: 'off' }, children: allOff(children), others: allOff(others) })
  return { ...snapshot, root: off(snapshot.root) }
}
