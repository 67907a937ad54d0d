import { murmur3Behind } from './murmur3.js'

export type Arm = 'control' | 'treated'

/** Floor of every control share: a generation with `u` below it is control in every context. */
export const CONTROL_FLOOR = 0.02

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

/** A hash of the same id that is independent of `uniform`, in [0, 1). It thins enrolments where there are too many. */
export function secondHash (salt: string, id: string): number {
  if (hashes.salt !== salt) hashes = hashesOf(salt)
  return hashes.second(id) / 0x1_0000_0000
}

/** Control if and only if `u < share`. */
export function drawArm (u: number, share: number): Arm {
  return u < share ? 'control' : 'treated'
}

/**
 * The control share of a context with a threshold in force; without one everything is control.
 * `auto` is (0.1/s) sqrt(200/(n + 200)): where a threshold saves little, control generations cost little.
 * @param rate the policy's `control_rate`
 * @param savedRatio s, the share of tokens saved at the threshold in force
 * @param generations n, generations reported in this epoch, of either arm
 */
export function controlShare (rate: number | 'auto', savedRatio: number, generations: number): number {
  const share = rate === 'auto' ? (0.1 / savedRatio) * Math.sqrt(200 / (generations + 200)) : rate
  return Math.min(1, Math.max(CONTROL_FLOOR, share))
}

/**
 * The share to put in force, given the current and the wanted one. It follows in steps (down by a tenth, up by a half), since each change
 * makes a new model version, and until the generations begun under the old share have ended only draws below both shares are evidence.
 */
export function nextShare (current: number, wanted: number): number {
  const isFloor = wanted === CONTROL_FLOOR && current !== wanted
  return wanted <= 0.9 * current || wanted >= Math.min(1, 1.5 * current) || isFloor ? wanted : current
}
