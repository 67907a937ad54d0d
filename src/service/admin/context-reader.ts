import { setImmediate } from 'node:timers/promises'
import type { LoadedContexts, SnapshotInputs } from '../../core/learn/index.js'
import { chainOf, parseContextKey } from '../../core/policy/index.js'
import { at, InvalidKeyError } from '../../errors/errors.js'
import type { Store } from '../../store/store.js'
import type { Config } from '../config/config.js'
import { readSnapshotInputs } from '../snapshot/load-snapshot.js'

/** Contexts read from the store in one go. */
const CHUNK = 50

/** Reads contexts with their ancestors. @param inputs read from the store where they are not given */
export async function readContexts (
  store: Store, config: Config, keys: readonly string[], inputs?: SnapshotInputs
): Promise<LoadedContexts> {
  const links = new Set(keys.flatMap(chainOf))
  const [its, states] = await Promise.all([inputs ?? readSnapshotInputs(store, config, Date.now()), store.readContexts([...links])])
  return { ...its, states }
}

/** Reads contexts in chunks and calls back with each chunk; decisions are answered in between. */
export async function forEachChunk (
  store: Store, config: Config, keys: readonly string[], inputs: SnapshotInputs, visit: (loaded: LoadedContexts, chunk: string[]) => void
): Promise<void> {
  for (let i = 0; i < keys.length; i += CHUNK) {
    const chunk = keys.slice(i, i + CHUNK)
    visit(await readContexts(store, config, chunk, inputs), chunk)
    await setImmediate()
  }
}

/** Keys of the stored contexts that fit the configured levels. */
export async function readContextKeys (store: Store, { levels }: Config): Promise<string[]> {
  return (await store.contextKeys()).filter((key) => parseContextKey(levels, key) !== null)
}

/** Checks that a context key fits the configured levels. @param path of the key in the request @throws InvalidKeyError */
export function checkKey ({ levels }: Pick<Config, 'levels'>, key: string, path = '/key'): void {
  if (parseContextKey(levels, key) !== null) return
  const example = levels.map((level) => `${level}=...`).join(',') || '*'
  throw at(path, new InvalidKeyError(JSON.stringify(key.slice(0, 200)), example))
}
