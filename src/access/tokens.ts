import { hash, timingSafeEqual } from 'node:crypto'
import type { Quota } from './quota.js'
import { TRAINER } from '../core/learn/learn-predictor.js'

/**
 * What a token may do: `worker` decide and report; `trainer` report checkpoints, which begin epochs; `operator` everything; `metrics`
 * scrape and nothing else.
 */
export const ROLES = ['worker', 'trainer', 'operator', 'metrics'] as const
export type Role = typeof ROLES[number]

/** A named token, known by its hash alone. */
export interface Token {
  readonly name: string
  readonly role: Role
  /**
   * SHA-256 of the token, its 64 hexadecimal digits. Not salted or slowed down: that protects words that can be guessed, and a token is
   * 256 random bits.
   */
  readonly digest: Buffer
  /** Context key it is bound to, with all below; `null`: bound to none. */
  readonly prefix: string | null
  /** Requests it may make; `null`: any number. */
  readonly requests: Quota | null
  /** Outcomes and labels it may have accepted; `null`: any number. */
  readonly outcomes: Quota | null
}

/** Who calls without a token, where none is asked for. */
export const ANONYMOUS = 'anonymous'

/** The service's own, in logs and in the audit trail: of nobody, of itself, and of the learner, which may retire what bears its name. */
const RESERVED: readonly string[] = [ANONYMOUS, 'stopgate', TRAINER]

export const NAME_RULE = `a name is 1 to 64 letters, digits, _ . - from a letter or digit on, and none of the service's own, ${RESERVED.join(', ')}`

/** Names are as safe in a log line as in an audit entry. */
export function isName (value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(value) && !RESERVED.includes(value.toLowerCase())
}

/** In hexadecimal digits, which `hash` makes in half the time that a buffer takes. */
export function sha256 (token: string): string {
  return hash('sha256', token, 'hex')
}

/**
 * The token that hashes to one of these; `null`: none does. Takes as long whichever it is and wherever they differ, since all are compared,
 * in constant time; and as hashes are compared, time could at most tell of a hash, which nobody can turn into a token.
 */
export function findToken (tokens: readonly Token[], presented: string): Token | null {
  const digest = Buffer.from(sha256(presented), 'latin1')
  let found = null
  for (const token of tokens) if (timingSafeEqual(token.digest, digest)) found = token
  return found
}
