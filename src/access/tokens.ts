import { hash, timingSafeEqual } from 'node:crypto'
import type { Quota } from './quota.js'
import { TRAINER } from '../core/learn/learn-predictor.js'

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
const RESERVED: readonly string[] = [ANONYMOUS, 'stopgate', TRAINER]

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
