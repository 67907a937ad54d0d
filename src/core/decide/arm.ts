import type { Policy } from '../policy/policy.js'
import { murmur3Behind } from './hash.js'

export type Arm = 'control' | 'treated'

/**
 * Floor of every control share. The exceptions are a context from which its pool takes no evidence: 0, and traffic so fast that there is no
 * room for its open units (rule E8).
 */
export const CONTROL_FLOOR = 0.02

/** The largest share until the traffic of a first minute is known, where evidence needs a span (rule E8). */
export const FIRST_SHARE = 1 / 4

/** The control share of a context whose traffic is unknown. */
export function firstShare ({ control_rate: rate, evidence_span_seconds: span }: Policy): number {
  return Math.max(rate === 'auto' ? CONTROL_FLOOR : rate, span === 0 ? 1 : FIRST_SHARE)
}

const hashesOf = (salt: string) => ({ salt, first: murmur3Behind(`${salt}:`), second: murmur3Behind(`${salt}:enrol:`) })
let hashes = hashesOf('') // a process uses one salt

/**
 * The uniform draw of a generation, in [0, 1): murmur3_32 of `salt:id` (seed 0, UTF-8) over 2^32.
 * @param id of the group if there is one, so that the generations of one prompt share an arm
 */
export function uniform (salt: string, id: string): number {
  if (hashes.salt !== salt) hashes = hashesOf(salt)
  return hashes.first(id) / 0x1_0000_0000
}

/** A hash of the same id that is independent of `uniform`, in [0, 1): where it is below `label_rate`, a control generation enrols. */
export function secondHash (salt: string, id: string): number {
  if (hashes.salt !== salt) hashes = hashesOf(salt)
  return hashes.second(id) / 0x1_0000_0000
}

/** Share of the treated generations whose stop is probed under thinking budgets. */
const STOP_PROBE_SHARE = 1 / 20

/**
 * Whether the stop of a treated generation is probed under thinking budgets, where no other probe is made. Only these show whether the
 * answers that are served are those that were probed.
 * @param hash its second hash
 */
export function isStopProbed (hash: number): boolean { return hash < STOP_PROBE_SHARE }

/** Control if and only if `u < share`. */
export function drawArm (u: number, share: number): Arm {
  return u < share ? 'control' : 'treated'
}
