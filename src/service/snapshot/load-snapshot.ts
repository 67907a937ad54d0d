import { setImmediate } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { type ChainLink, compileSnapshot, linkOf, SnapshotCompiler, type SnapshotInputs, type StatedPatterns } from '../../core/learn/index.js'
import {
  byDepth, chainOf, depthOf, effectivePolicy, isPattern, isWithin, type Levels, livePins, parseContextKey, patternsIn,
  patternTree, type PatternTree, type PolicyPatch, ROOT, UNREADABLE_POLICY,
} from '../../core/policy/index.js'
import type { Snapshot } from '../../core/decide/index.js'
import { type LivePredictors, livePredictors } from '../../core/scores/index.js'
import { isUnreadable } from '../../store/encoding/context-states.js'
import { UNREADABLE_PIN } from '../../store/encoding/stored-values.js'
import type { Revision, Store } from '../../store/store.js'
import { LayeredMap } from './layered-map.js'

/** The loaded state of a replica: the snapshot, and the inputs that the next one is compiled from. */
export interface LoadedSnapshot {
  readonly snapshot: Snapshot
  readonly policyVersion: number
  readonly inputs: SnapshotInputs
  /** Keys of policies that leave levels open. */
  readonly patterns: PatternTree
  /** By context key. */
  readonly links: ReadonlyMap<string, ChainLink>
  /** Keys of the contexts whose state is damaged. */
  readonly unreadable: ReadonlySet<string>
}

/** Contexts that are read and judged in one go; decisions are answered between one chunk and the next. */
const CHUNK = 200
/** Time to compile in one go, ms: patterns make some contexts dearer than others. */
const TURN_MS = 5

/** The snapshot before the store has been reached: every decision is `continue`. */
export function emptySnapshot (options: SnapshotOptions): LoadedSnapshot {
  const inputs = { ...options, policies: new Map(), pins: new Map(), predictors: new Map() }
  const links = new Map([[ROOT, linkOf(inputs, ROOT)]])
  const snapshot = compileSnapshot({ stateId: '', salt: null, version: 0, levels: options.levels }, links)
  return { snapshot, policyVersion: 0, inputs, patterns: patternTree([]), links, unreadable: new Set() }
}

/**
 * Loads the snapshot as of a revision. Where `previous` has the same store, predictors and patterns, only changes are read: contexts,
 * their policies and pins, and the contexts below a policy.
 * @param now ms; pins that have expired by then are left out
 */
export async function loadSnapshot (
  store: Store, options: SnapshotOptions, previous: LoadedSnapshot | null, revision: Revision, now: number): Promise<LoadedSnapshot> {
  const change = previous !== null && canBuildOn(previous, revision) ? await readChange(store, previous, revision, now) : null
  const inputs = change?.inputs ?? await readSnapshotInputs(store, options, now)
  const { levels, policies, pins, predictors } = inputs
  const patterns = change?.base.patterns ?? patternTree(patternsIn(levels, policies.keys()))
  const links = new LayeredMap(change?.base.links)
  const unreadable = new Set(change?.base.unreadable)
  const keys = (change?.keys ?? await store.contextKeys()).filter((key) => parseContextKey(levels, key) !== null)
  const gone: string[] = []
  for (let i = 0; i < keys.length; i += CHUNK) {
    const chunk = keys.slice(i, i + CHUNK)
    const states = await store.readContexts(chunk)
    for (const key of chunk) {
      const state = states.get(key)
      links.set(key, linkOf(inputs, key, state))
      if (state !== undefined && isUnreadable(state)) unreadable.add(key); else unreadable.delete(key)
      if (state === undefined) gone.push(key)
    }
    await setImmediate() // the embedded store never yields by itself
  }
  const scored = [...predictors.values()].flatMap(({ contexts }) => Object.keys(contexts)) // may have no state yet
  const stated = change === null ? [ROOT, ...policies.keys(), ...pins.keys(), ...scored, ...keys] : keys
  const changed = byDepth(withAncestors(inputs, links, stated))
  const compiler = new SnapshotCompiler(levels, links, predictors, change?.base.snapshot ?? null, statedPatterns(inputs, patterns))
  let since = performance.now()
  for (const key of changed) {
    compiler.add(key)
    if (performance.now() < since + TURN_MS) continue
    await setImmediate()
    since = performance.now()
  }
  if (change !== null) removeUnnamed(gone, { inputs, links, compiler })
  return { snapshot: compiler.finish(revision), policyVersion: revision.policyVersion, inputs, patterns, links, unreadable }
}

/** The changes since a snapshot. */
interface SnapshotChange {
  readonly base: LoadedSnapshot
  readonly inputs: SnapshotInputs
  /** Contexts whose links have changed. */
  readonly keys: readonly string[]
}

/** What a compiler needs to tell apart the contexts that no state, policy or pin names. */
function statedPatterns ({ defaultPolicy, policies }: SnapshotInputs, tree: PatternTree): StatedPatterns {
  return { tree, policyAt: (key) => effectivePolicy(defaultPolicy, policies, key) }
}

/** Reads the changes since a snapshot of the same store; `null`: predictors or patterns have changed, and with them any context. */
async function readChange (store: Store, previous: LoadedSnapshot, revision: Revision, now: number): Promise<SnapshotChange | null> {
  const base = withoutExpiredPins(previous, now)
  const { inputs, links } = base
  const keys = await store.changedSince(base.snapshot.version)
  if (revision.policyVersion === base.policyVersion) return { base, inputs, keys }
  const [policies, pins, versions] = await Promise.all([store.policies(keys), store.pins(keys), store.predictors()])
  if (!areSame(livePredictors(versions), inputs.predictors)) return null
  const restated = keys.filter((key) => !isDeepStrictEqual(policies.get(key), inputs.policies.get(key)))
  if (restated.some(isPattern)) return null
  const above = restated.filter((key) => depthOf(key) < inputs.levels.length)
  const below = above.length === 0 ? [] : [...links.keys()].filter((key) => above.some((other) => isWithin(key, other)))
  return {
    base,
    inputs: { ...inputs, policies: withRows(inputs.policies, restated, policies), pins: withRows(inputs.pins, keys, livePins(pins, now)) },
    keys: [...new Set([...keys, ...below])],
  }
}

/** The table with its rows at some keys replaced, or removed. */
function withRows<T> (table: ReadonlyMap<string, T>, keys: readonly string[], rows: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  if (keys.every((key) => !table.has(key) && !rows.has(key))) return table
  const next = new LayeredMap(table)
  for (const key of keys) {
    const row = rows.get(key)
    if (row === undefined) next.delete(key); else next.set(key, row)
  }
  return next
}

/** Stores return the same objects as long as their predictors do not change. */
function areSame (a: LivePredictors, b: LivePredictors): boolean {
  return a.size === b.size && [...a].every(([name, predictor]) => b.get(name) === predictor)
}

interface Compilation {
  readonly inputs: SnapshotInputs
  readonly links: LayeredMap<string, ChainLink>
  readonly compiler: SnapshotCompiler
}

/** Removes contexts without state, and ancestors that only they had, unless a policy, pin or predictor names them. */
function removeUnnamed (keys: readonly string[], { inputs: { policies, pins, predictors }, links, compiler }: Compilation): void {
  const isNamed = (key: string) => policies.has(key) || pins.has(key) || links.get(key)?.epochName !== null ||
    [...predictors.values()].some(({ contexts }) => Object.hasOwn(contexts, key))
  for (const key of byDepth(keys).reverse()) {
    for (const link of chainOf(key).reverse()) {
      if (!links.has(link) || isNamed(link) || !compiler.remove(link)) break
      links.delete(link)
    }
  }
}

/** The snapshot without the pins that have expired: the same object where none has. @param now ms */
export function withoutExpiredPins (loaded: LoadedSnapshot, now: number): LoadedSnapshot {
  const { inputs, snapshot } = loaded
  const pins = livePins(inputs.pins, now)
  if (pins === inputs.pins) return loaded
  const links = new LayeredMap(loaded.links)
  const compiler = new SnapshotCompiler(inputs.levels, links, inputs.predictors, snapshot, statedPatterns(inputs, loaded.patterns))
  const ended = byDepth([...inputs.pins.keys()].filter((key) => !pins.has(key) && links.has(key)))
  for (const key of ended) links.set(key, { ...links.get(key)!, pin: undefined })
  for (const key of ended) compiler.add(key)
  return { ...loaded, snapshot: compiler.finish(snapshot), inputs: { ...inputs, pins }, links }
}

function canBuildOn ({ snapshot }: LoadedSnapshot, revision: Revision): boolean {
  return snapshot.stateId === revision.stateId && snapshot.version <= revision.version
}

/** The keys that fit the configured levels, with those ancestors that had no link yet, which are given one. */
function withAncestors (inputs: SnapshotInputs, links: LayeredMap<string, ChainLink>, keys: readonly string[]): Set<string> {
  const all = new Set<string>()
  for (const key of keys) {
    if (parseContextKey(inputs.levels, key) === null) continue
    all.add(key)
    for (const link of chainOf(key)) {
      if (links.has(link)) continue
      links.set(link, linkOf(inputs, link))
      all.add(link)
    }
  }
  return all
}

/** The settings that apply to every snapshot. */
interface SnapshotOptions { readonly levels: Levels, readonly defaultPolicy: PolicyPatch }

/**
 * Reads the policies, the pins that have not expired, and the predictors that are not retired. A damaged policy reads as mode `off`, a
 * damaged pin as never stop, so that doubt means continue.
 * @param now ms
 */
export async function readSnapshotInputs (store: Store, { levels, defaultPolicy }: SnapshotOptions, now: number): Promise<SnapshotInputs> {
  const [policies, pins, versions] = await Promise.all([store.policies(), store.pins(), store.predictors()])
  return { levels, defaultPolicy, policies, pins: livePins(pins, now), predictors: livePredictors(versions) }
}

/** The damaged policies and pins, as phrases such as "the policy of loaded=q". */
export function unreadableInputs ({ policies, pins }: Pick<SnapshotInputs, 'policies' | 'pins'>): string[] {
  return [
    ...[...policies].flatMap(([key, policy]) => policy === UNREADABLE_POLICY ? [`the policy of ${key}`] : []),
    ...[...pins].flatMap(([key, pin]) => pin === UNREADABLE_PIN ? [`the pin of ${key}`] : []),
  ]
}
