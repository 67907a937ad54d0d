import { Quota } from './quota.js'
import { ConfigError } from '../settings/environment.js'
import { parseContextKey, ROOT, type Levels } from '../core/policy/context.js'
import { isName, NAME_RULE, ROLES, type Token } from './tokens.js'

/** Window of each quota, ms, by the field that states it. */
const WINDOWS = { requests_per_second: 1000, outcomes_per_hour: 3_600_000 }
const FIELDS = ['name', 'role', 'sha256', 'prefix', ...Object.keys(WINDOWS)]
const REMEDY = 'use the form [{"name": "...", "role": "worker", "sha256": "..."}], as stopgate token prints it'

/**
 * Parses a JSON list of tokens: `[{"name", "role", "sha256", "prefix"?, "requests_per_second"?, "outcomes_per_hour"?}]`.
 * @param before the tokens in force: a token of the same name keeps the state of a quota that does not change
 * @throws ConfigError that names the setting and the place in it, but quotes nothing from there, since it may be a secret
 */
export function parseTokens (setting: string, text: string, levels: Levels, before: readonly Token[] = []): Token[] {
  let list: unknown
  try { list = JSON.parse(text) } catch { throw new ConfigError(`${setting} is not valid JSON: ${REMEDY}`) }
  if (!Array.isArray(list)) throw new ConfigError(`${setting} is not a list: ${REMEDY}`)
  if (list.length === 0) throw new ConfigError(`${setting} is an empty list, so every request would be refused: ${REMEDY}`)
  const tokens = list.map((item, index) => {
    const problem = itemProblem(item, levels)
    if (problem !== null) throw new ConfigError(`${setting}[${index}]${problem}: ${REMEDY}`)
    const { name, role, sha256, prefix = ROOT } = item
    const old = before.find((token) => token.name === name)
    const limits = {
      requests: quota(item, 'requests_per_second', old?.requests),
      outcomes: quota(item, 'outcomes_per_hour', old?.outcomes),
    }
    return { name, role, digest: Buffer.from(sha256, 'latin1'), prefix: prefix === ROOT ? null : prefix, ...limits }
  })
  for (const [index, { name, digest }] of tokens.entries()) {
    const above = tokens.slice(0, index)
    if (above.some((other) => other.name === name)) throw new ConfigError(`${setting}[${index}].name is used by another token too: choose another name`)
    if (above.some((other) => other.digest.equals(digest))) throw new ConfigError(`${setting}[${index}].sha256 is used by another token too: make a new token`)
  }
  return tokens
}

type Limits = Partial<Record<keyof typeof WINDOWS, number>>

function quota (item: Limits, field: keyof Limits, old: Quota | null | undefined): Quota | null {
  const amount = item[field]
  if (amount === undefined) return null
  return old?.amount === amount ? old : new Quota(amount, WINDOWS[field])
}

function itemProblem (item: unknown, levels: Levels): string | null {
  if (item === null || typeof item !== 'object' || Array.isArray(item)) return ' is not an object'
  if (Object.keys(item).some((field) => !FIELDS.includes(field))) return ` has an unknown field; the fields are ${FIELDS.join(', ')}`
  const { name, role, sha256, prefix } = item as Record<string, unknown>
  if (!isName(name)) return `.name: ${NAME_RULE}`
  if (!ROLES.some((known) => known === role)) return `.role must be one of ${ROLES.join(', ')}`
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) {
    return '.sha256 must be the SHA-256 of the token, 64 hexadecimal digits in lower case'
  }
  for (const field of Object.keys(WINDOWS)) {
    const limit = (item as Record<string, unknown>)[field]
    if (limit !== undefined && !(typeof limit === 'number' && limit > 0 && limit <= 1e12)) return `.${field} must be a number above 0`
  }
  if (prefix === undefined) return null
  if (role === 'metrics') return '.prefix cannot be set for the role metrics, since metrics cover all contexts'
  if (typeof prefix !== 'string' || parseContextKey(levels, prefix) === null) {
    return `.prefix must be a context key of the levels ${levels.join(', ')} (CONTEXT_LEVELS)`
  }
  return null
}
