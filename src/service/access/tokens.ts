import { hash, timingSafeEqual } from 'node:crypto'
import { type Levels, parseContextKey, ROOT } from '../../core/policy/index.js'
import { SERVICE, TRAINER } from '../../core/learn/index.js'
import { ConfigError } from '../../settings/environment.js'

/** A token bucket: it allows a burst of `amount`, and refills evenly at `amount` for each window. */
export class Quota {
  /** Size of the bucket, and its refill for each window. */
  readonly amount: number
  readonly #perMs: number
  #left: number
  #at = -Infinity

  constructor (amount: number, windowMs: number) {
    this.amount = amount
    this.#perMs = amount / windowMs
    this.#left = Math.max(1, amount)
  }

  /**
   * Takes `wanted`, or nothing if less is left.
   * @param nowMs time of a monotonic clock
   * @returns 0 if it was taken; otherwise the time until enough is left, ms, or `Infinity` if the bucket is too small
   */
  take (wanted: number, nowMs: number): number {
    const most = Math.max(1, this.amount)
    if (this.#at !== -Infinity) this.#left = Math.min(most, this.#left + (nowMs - this.#at) * this.#perMs)
    this.#at = nowMs
    if (wanted > most) return Infinity
    if (wanted > this.#left) return (wanted - this.#left) / this.#perMs
    this.#left -= wanted
    return 0
  }

  /** Returns an unused part. */
  giveBack (amount: number): void {
    this.#left = Math.min(Math.max(1, this.amount), this.#left + amount)
  }
}

/**
 * Roles of tokens: `worker` asks for decisions and reports outcomes; `trainer` reports checkpoints, which start epochs; `operator` may call
 * every route; `metrics` may only scrape metrics.
 */
export const ROLES = ['worker', 'trainer', 'operator', 'metrics'] as const
export type Role = typeof ROLES[number]

/** A named token, of which only the hash is known. */
export interface Token {
  readonly name: string
  readonly role: Role
  /**
   * SHA-256 of the token as 64 hexadecimal digits. It is neither salted nor stretched, which would only protect secrets that can be
   * guessed: a token is 256 random bits.
   */
  readonly digest: Buffer
  /** Context key that the token is bound to, with all contexts below it; `null`: not bound. */
  readonly prefix: string | null
  /** Quota of requests; `null`: unlimited. */
  readonly requests: Quota | null
  /** Quota of accepted outcomes and labels; `null`: unlimited. */
  readonly outcomes: Quota | null
}

/** Name of the caller where no token is required. */
export const ANONYMOUS = 'anonymous'

/** Names that logs and the audit trail use for a caller without a token, the service, and the learner, which may retire its predictors. */
const RESERVED: readonly string[] = [ANONYMOUS, SERVICE, TRAINER]

export const NAME_RULE = `a name has 1 to 64 letters, digits, _ . -, starts with a letter or digit, and is not reserved (${RESERVED.join(', ')})`

/** Whether a value is a name that is safe in log lines and in the audit trail. */
export function isName (value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(value) && !RESERVED.includes(value.toLowerCase())
}

/** SHA-256 as hexadecimal digits, which `hash` computes in half the time of a buffer. */
export function sha256 (token: string): string {
  return hash('sha256', token, 'hex')
}

/**
 * Finds the token that was presented, in a time that does not depend on which token it is or how far a digest agrees. Since digests are
 * compared, timing could at most reveal a digest, which cannot be turned into a token.
 * @returns `null` if none matches
 */
export function findToken (tokens: readonly Token[], presented: string): Token | null {
  const digest = Buffer.from(sha256(presented), 'latin1')
  let found = null
  for (const token of tokens) if (timingSafeEqual(token.digest, digest)) found = token
  return found
}

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
