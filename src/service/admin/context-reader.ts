import { setImmediate } from 'node:timers/promises'
import type { LoadedContexts, SnapshotInputs } from '../../core/learn/index.js'
import { chainOf, depthOf, isPattern, isWithin, parseContextKey, patternFor, patternProblem, ROOT } from '../../core/policy/index.js'
import { at, ContextNotFoundError, InvalidKeyError, InvalidPatternError } from '../../errors/errors.js'
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

const ONLY_OF_POLICIES = 'is a pattern, and only a policy may have one as its key: name a context'

/**
 * Checks that a context key fits the configured levels.
 * @param path of the key in the request
 * @throws InvalidKeyError, InvalidPatternError
 */
export function checkKey ({ levels }: Pick<Config, 'levels'>, key: string, path = '/key'): void {
  if (parseContextKey(levels, key) !== null) return
  if (isPattern(key)) throw at(path, new InvalidPatternError(quoted(key), ONLY_OF_POLICIES))
  const example = levels.map((level) => `${level}=...`).join(',') || '*'
  throw at(path, new InvalidKeyError(quoted(key), example))
}

const quoted = (key: string): string => JSON.stringify(key.slice(0, 200))

/** The same for the key of a policy, which may be a pattern. */
export function checkPolicyKey (config: Pick<Config, 'levels'>, key: string): void {
  if (key === ROOT || !key.includes('*')) { checkKey(config, key); return }
  const problem = patternProblem(config.levels, key)
  if (problem !== null) throw at('/key', new InvalidPatternError(quoted(key), problem))
}

/** Where to check a key that names no known context. */
export const SEE_LIST = 'GET /v1/contexts lists those that are known'

/** Known keys that the refusal of an unknown one names. */
const NEAREST = 3

/** Where a key is stated, and the prefix that the caller is bound to (`null`: none), whose contexts alone it may see. */
type Surroundings = Pick<SnapshotInputs, 'policies' | 'pins'> & { readonly prefix: string | null }

/**
 * Checks that a key is the root or that of a known context: outcomes have named it or one below it, or it has a policy or a pin. A pattern
 * is known if it matches a known context.
 * @throws ContextNotFoundError which names the nearest known keys
 */
export async function checkKnown (store: Store, config: Config, key: string, { policies, pins, prefix }: Surroundings): Promise<void> {
  if (key === ROOT || policies.has(key) || pins.has(key) || (await store.readContexts([key])).size > 0) return
  const known = [...new Set([...await readContextKeys(store, config), ...policies.keys(), ...pins.keys()])]
  if (isPattern(key) && known.some((other) => isWithin(other, key))) return
  const alike = isPattern(key) ? known.filter((other) => depthOf(other) >= depthOf(key)).map((other) => patternFor(other, key)) : known
  const nearest = nearestKeys(key, [...new Set(alike)].filter((other) => other !== ROOT && isWithin(other, prefix ?? ROOT)))
  const named = nearest.length === 0 ? 'none is known yet' : `nearest known: ${nearest.join('; ')}`
  throw at('/key', new ContextNotFoundError(key, `${named}; add ?create=true to set its policy or pin in advance`))
}

/** The keys most like a mistyped one: those that share the largest part of their pairs of neighbouring characters (Dice's coefficient). */
export function nearestKeys (key: string, known: readonly string[]): string[] {
  const wanted = pairsOf(key)
  const likeness = (other: string) => {
    const pairs = pairsOf(other)
    let shared = 0
    for (const pair of pairs) if (wanted.has(pair)) shared++
    return shared / (wanted.size + pairs.size)
  }
  const ranked = known.map((other) => [likeness(other), other] as const).sort(([a], [b]) => b - a)
  return ranked.slice(0, NEAREST).map(([, other]) => other)
}

function pairsOf (text: string): ReadonlySet<string> {
  const pairs = new Set<string>()
  const letters = text.toLowerCase()
  for (let i = 1; i < letters.length; i++) pairs.add(letters.slice(i - 1, i + 1))
  return pairs
}
