import { setImmediate } from 'node:timers/promises'
import type { Config } from '../config.js'
import { chainOf, parseContextKey } from '../core/context.js'
import type { Known } from '../core/describe.js'
import { livePins } from '../core/in-force.js'
import { livePredictors } from '../core/predictor/predictor-version.js'
import type { Store } from '../store/store.js'

/** Contexts read from the store at a time. */
const CHUNK = 50

/** Policies, the pins that have not expired, and the predictors that are not retired. */
export type Wishes = Pick<Known, 'policies' | 'pins' | 'predictors'>

export async function readWishes (store: Store): Promise<Wishes> {
  const [policies, pins, versions] = await Promise.all([store.policies(), store.pins(), store.predictors()])
  return { policies, pins: livePins(pins, Date.now()), predictors: livePredictors(versions) }
}

/** What is known of these contexts and their ancestors. */
export async function readKnown (store: Store, config: Config, keys: readonly string[], wishes?: Wishes): Promise<Known> {
  const links = new Set(keys.flatMap(chainOf))
  const [stated, states] = await Promise.all([wishes ?? readWishes(store), store.readContexts([...links])])
  return { levels: config.levels, defaults: config.defaultPolicy, ...stated, states }
}

/** Calls back for all keys, a chunk at a time, with room for decisions to be answered in between. */
export async function eachKnown (
  store: Store, config: Config, keys: readonly string[], wishes: Wishes, visit: (known: Known, chunk: string[]) => void): Promise<void> {
  for (let i = 0; i < keys.length; i += CHUNK) {
    const chunk = keys.slice(i, i + CHUNK)
    const known = await readKnown(store, config, chunk, wishes)
    visit(known, chunk)
    await setImmediate()
  }
}

/** Keys of all contexts that have a place under these levels. */
export async function knownKeys (store: Store, { levels }: Config): Promise<string[]> {
  return (await store.contextKeys()).filter((key) => parseContextKey(levels, key) !== null)
}
