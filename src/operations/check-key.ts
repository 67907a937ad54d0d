import type { Config } from '../config/config.js'
import { parseContextKey } from '../core/policy/context.js'
import { at, InvalidKeyError } from '../errors/errors.js'

/** Checks that a context key fits the configured levels. @param path of the key in the request @throws InvalidKeyError */
export function checkKey ({ levels }: Pick<Config, 'levels'>, key: string, path = '/key'): void {
  if (parseContextKey(levels, key) !== null) return
  const example = levels.map((level) => `${level}=...`).join(',') || '*'
  throw at(path, new InvalidKeyError(JSON.stringify(key.slice(0, 200)), example))
}
