import { setImmediate } from 'node:timers/promises'
import { compileSnapshot, SnapshotCompiler } from '../core/decide/compile-snapshot.js'
import type { ContextState } from '../core/judgement/context-state.js'
import { byDepth, chainOf, parseContextKey, ROOT, type Levels } from '../core/policy/context.js'
import { livePins, pinUnder, chainLink, type Pin } from '../core/judgement/effective-threshold.js'
import { judge } from '../core/judgement/judge.js'
import { effectivePolicy, UNREADABLE_POLICY, type PolicyPatch } from '../core/policy/policy.js'
import { livePredictors, type LivePredictors } from '../core/predictor/predictor-version.js'
import type { Snapshot, Standpoint } from '../core/decide/snapshot.js'
import { UNREADABLE_PIN } from '../store/damaged.js'
import type { Revision, Store } from '../store/store.js'
import { isUnreadable } from '../store/unreadable-state.js'

/** What a replica has loaded: the snapshot, and what the next one is compiled from. */
export interface Model {
  readonly snapshot: Snapshot
  readonly policyVersion: number
  readonly policies: ReadonlyMap<string, PolicyPatch>
  readonly pins: ReadonlyMap<string, Pin>
  readonly predictors: LivePredictors
  readonly standpoints: ReadonlyMap<string, Standpoint>
  /** Contexts whose state is damaged. */
  readonly unreadable: ReadonlySet<string>
}

export interface ModelOptions { readonly levels: Levels, readonly defaultPolicy: PolicyPatch }

/** States are read and judged this many at a time, so that decisions are answered in between. */
const CHUNK = 200

/** The model before the store was ever reached: everything continues. */
export function emptyModel (options: ModelOptions): Model {
  const wishes: Wishes = { policies: new Map(), pins: new Map(), predictors: new Map() }
  const standpoints = new Map([[ROOT, standpoint(options, wishes, ROOT, undefined)]])
  const snapshot = compileSnapshot({ stateId: '', salt: null, version: 0, levels: options.levels }, standpoints)
  return { snapshot, policyVersion: 0, ...wishes, standpoints, unreadable: new Set() }
}

/** The model as of a revision; reads only what changed, where `previous` is of the same store and policies. */
export async function loadModel (store: Store, options: ModelOptions, previous: Model | null, revision: Revision): Promise<Model> {
  const base = previous !== null && canBuildOn(previous, revision) ? previous : null
  const wishes = base ?? await readWishes(store)
  const { policies, pins, predictors } = wishes
  const keys = base === null ? await store.contextKeys() : await store.changedSince(base.snapshot.version)
  const standpoints = new Map(base?.standpoints)
  const unreadable = new Set(base?.unreadable)
  for (let i = 0; i < keys.length; i += CHUNK) {
    const chunk = keys.slice(i, i + CHUNK).filter((key) => parseContextKey(options.levels, key) !== null)
    const states = await store.readContexts(chunk)
    for (const key of chunk) {
      const state = states.get(key)
      standpoints.set(key, standpoint(options, wishes, key, state))
      if (state !== undefined && isUnreadable(state)) unreadable.add(key); else unreadable.delete(key)
    }
    await setImmediate() // the embedded store answers without letting others in
  }
  const scored = [...predictors.values()].flatMap(({ contexts }) => Object.keys(contexts)) // they score as learned, heard of or not
  const stated = base === null ? [ROOT, ...policies.keys(), ...pins.keys(), ...scored, ...keys] : keys
  const changed = byDepth(withAncestors(options, wishes, standpoints, stated))
  const compiler = new SnapshotCompiler(options.levels, standpoints, predictors, base?.snapshot ?? null)
  for (const [i, key] of changed.entries()) {
    compiler.add(key)
    if (i % CHUNK === CHUNK - 1) await setImmediate()
  }
  return { snapshot: compiler.finish(revision), policyVersion: revision.policyVersion, policies, pins, predictors, standpoints, unreadable }
}

/** The model without the pins that have expired; the same where none has. @param now ms */
export function endPins (model: Model, options: ModelOptions, now: number): Model {
  const pins = livePins(model.pins, now)
  if (pins === model.pins) return model
  const standpoints = new Map(model.standpoints)
  const compiler = new SnapshotCompiler(options.levels, standpoints, model.predictors, model.snapshot)
  const ended = byDepth([...model.pins.keys()].filter((key) => !pins.has(key) && standpoints.has(key)))
  for (const key of ended) {
    const { standing, share } = standpoints.get(key)!
    standpoints.set(key, { standing: { ...standing, pin: undefined }, share })
  }
  for (const key of ended) compiler.add(key)
  return { ...model, snapshot: compiler.finish(model.snapshot), pins, standpoints }
}

function canBuildOn ({ snapshot }: Model, revision: Revision): boolean {
  return snapshot.stateId === revision.stateId && snapshot.version <= revision.version && revision.policyVersion <= snapshot.version
}

/** Policies and pins that are damaged, each with its context. */
export function unreadableInputs ({ policies, pins }: Pick<Model, 'policies' | 'pins'>): string[] {
  return [
    ...[...policies].flatMap(([key, policy]) => policy === UNREADABLE_POLICY ? [`the policy of ${key}`] : []),
    ...[...pins].flatMap(([key, pin]) => pin === UNREADABLE_PIN ? [`the pin of ${key}`] : []),
  ]
}

type Wishes = Pick<Model, 'policies' | 'pins' | 'predictors'>

async function readWishes (store: Store): Promise<Wishes> {
  const [policies, pins, versions] = await Promise.all([store.policies(), store.pins(), store.predictors()])
  return { policies, pins, predictors: livePredictors(versions) }
}

function standpoint (
  { levels, defaultPolicy }: ModelOptions, { policies, pins, predictors }: Wishes, key: string, state: ContextState | undefined
): Standpoint {
  const policy = effectivePolicy(defaultPolicy, policies, key)
  const judgement = judge(state, policy, levels, predictors)
  return { standing: chainLink(key, policy, pinUnder(predictors, pins.get(key)), state, judgement), share: state?.control_share }
}

/** The keys of this configuration, and those of their ancestors of which nothing was known, which get a standpoint. */
function withAncestors (
  options: ModelOptions, wishes: Wishes, standpoints: Map<string, Standpoint>, keys: readonly string[]): Set<string> {
  const all = new Set<string>()
  for (const key of keys) {
    if (parseContextKey(options.levels, key) === null) continue
    all.add(key)
    for (const link of chainOf(key)) {
      if (standpoints.has(link)) continue
      standpoints.set(link, standpoint(options, wishes, link, undefined))
      all.add(link)
    }
  }
  return all
}
