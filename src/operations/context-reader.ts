import { setImmediate } from 'node:timers/promises'
import type { Config } from '../config/config.js'
import { chainOf, parseContextKey } from '../core/policy/context.js'
import type { KnownContexts } from '../core/views/describe.js'
import { livePins } from '../core/judgement/effective-threshold.js'
import { livePredictors } from '../core/predictor/predictor-version.js'
import type { Store } from '../store/store.js'

/** Contexts read from the store at a time. */
const CHUNK = 50

/** Policies, the pins that have not expired, and the predictors that are not retired. */
export type ModelInputs = Pick<KnownContexts, 'policies' | 'pins' | 'predictors'>

export async function readModelInputs (store: Store): Promise<ModelInputs> {
  const [policies, pins, versions] = await Promise.all([store.policies(), store.pins(), store.predictors()])
  return { policies, pins: livePins(pins, Date.now()), predictors: livePredictors(versions) }
}

/** What is known of these contexts and their ancestors. */
export async function readContexts (store: Store, config: Config, keys: readonly string[], wishes?: ModelInputs): Promise<KnownContexts> {
  const links = new Set(keys.flatMap(chainOf))
  const [stated, states] = await Promise.all([wishes ?? readModelInputs(store), store.readContexts([...links])])
  return { levels: config.levels, defaults: config.defaultPolicy, ...stated, states }
}

/** Calls back for all keys, a chunk at a time, with room for decisions to be answered in between. */
export async function forEachChunk (
  store: Store, config: Config, keys: readonly string[], wishes: ModelInputs, visit: (known: KnownContexts, chunk: string[]) => void
): Promise<void> {
  for (let i = 0; i < keys.length; i += CHUNK) {
    const chunk = keys.slice(i, i + CHUNK)
    const known = await readContexts(store, config, chunk, wishes)
    visit(known, chunk)
    await setImmediate()
  }
}

/** Keys of all contexts that have a place under these levels. */
export async function readContextKeys (store: Store, { levels }: Config): Promise<string[]> {
  return (await store.contextKeys()).filter((key) => parseContextKey(levels, key) !== null)
}
