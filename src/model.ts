import { setImmediate } from 'node:timers/promises'
import type { ContextState } from './core/context-state.js'
import { chainOf, parseContextKey, ROOT, type Levels } from './core/context.js'
import { livePins, standingOf, type Pin } from './core/in-force.js'
import { judge } from './core/judge.js'
import { effectivePolicy, type PolicyPatch } from './core/policy.js'
import { compileSnapshot, type Snapshot, type Standpoint } from './core/snapshot.js'
import type { Revision, Store } from './store/store.js'

/** What a replica has loaded: the snapshot, and what the next one is compiled from. */
export interface Model {
  readonly snapshot: Snapshot
  readonly policyVersion: number
  readonly policies: ReadonlyMap<string, PolicyPatch>
  readonly pins: ReadonlyMap<string, Pin>
  readonly standpoints: ReadonlyMap<string, Standpoint>
}

export interface ModelOptions { readonly levels: Levels, readonly defaultPolicy: PolicyPatch }

/** States are read and judged this many at a time, so that decisions are answered in between. */
const CHUNK = 200

/** The model before the store was ever reached: everything continues. */
export function emptyModel (options: ModelOptions): Model {
  return assemble(options, { stateId: '', salt: null, version: 0, policyVersion: 0 }, new Map(), new Map(), new Map())
}

/** The model as of a revision; reads only what changed, where `previous` is of the same store and policies. */
export async function loadModel (store: Store, options: ModelOptions, previous: Model | null, revision: Revision): Promise<Model> {
  const base = previous !== null && canBuildOn(previous, revision) ? previous : null
  const [policies, pins] = base === null
    ? await Promise.all([store.policies(), store.pins()])
    : [base.policies, base.pins]
  const keys = base === null ? await store.contextKeys() : await store.changedSince(base.snapshot.version)
  const standpoints = new Map(base?.standpoints)
  for (let i = 0; i < keys.length; i += CHUNK) {
    const chunk = keys.slice(i, i + CHUNK).filter((key) => parseContextKey(options.levels, key) !== null)
    const states = await store.readContexts(chunk)
    for (const key of chunk) standpoints.set(key, standpoint(options, policies, pins, key, states.get(key)))
    await setImmediate() // the embedded store answers without letting others in
  }
  return assemble(options, revision, policies, pins, standpoints)
}

/** The model without the pins that have expired; the same where none has. @param now ms */
export function endPins (model: Model, options: ModelOptions, now: number): Model {
  const pins = livePins(model.pins, now)
  if (pins === model.pins) return model
  const standpoints = new Map(model.standpoints)
  for (const [key, { standing, share }] of model.standpoints) {
    if (model.pins.has(key) && !pins.has(key)) standpoints.set(key, { standing: { ...standing, pin: undefined }, share })
  }
  const { policyVersion, policies, snapshot: { stateId, salt, version } } = model
  return assemble(options, { stateId, salt, version, policyVersion }, policies, pins, standpoints)
}

function canBuildOn ({ snapshot }: Model, revision: Revision): boolean {
  return snapshot.stateId === revision.stateId && snapshot.version <= revision.version && revision.policyVersion <= snapshot.version
}

function standpoint (
  { levels, defaultPolicy }: ModelOptions, policies: Model['policies'], pins: Model['pins'], key: string, state: ContextState | undefined
): Standpoint {
  const policy = effectivePolicy(defaultPolicy, policies, key)
  return { standing: standingOf(key, policy, pins.get(key), state, judge(state, policy, levels)), share: state?.control_share }
}

function assemble (
  options: ModelOptions,
  { stateId, salt, version, policyVersion }: Pick<Revision, 'stateId' | 'version' | 'policyVersion'> & { salt: string | null },
  policies: Model['policies'], pins: Model['pins'], standpoints: Map<string, Standpoint>
): Model {
  for (const key of [ROOT, ...policies.keys(), ...pins.keys(), ...standpoints.keys()]) {
    if (parseContextKey(options.levels, key) === null) continue
    for (const link of chainOf(key)) if (!standpoints.has(link)) standpoints.set(link, standpoint(options, policies, pins, link, undefined))
  }
  const snapshot = compileSnapshot({ stateId, salt, version, levels: options.levels }, standpoints)
  return { snapshot, policyVersion, policies, pins, standpoints }
}
