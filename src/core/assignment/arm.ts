import { murmur3Behind } from './murmur3.js'

export type Arm = 'control' | 'treated'

/** Floor of every control share: generations with `u` below it are control in every context (DESIGN: evidence rule 6). */
export const CONTROL_FLOOR = 0.02

let drawn = { salt: '', hash: murmur3Behind(':') } // one salt is in use

/**
 * Where a generation falls in [0, 1): murmur3_32 of `salt:id` (seed 0, UTF-8) over 2^32.
 * `id` is the group's if there is one, so that the generations of one prompt share an arm.
 */
export function uniform (salt: string, id: string): number {
  if (drawn.salt !== salt) drawn = { salt, hash: murmur3Behind(`${salt}:`) }
  return drawn.hash(id) / 0x1_0000_0000
}

/** Control iff `u < share`. */
export function drawArm (u: number, share: number): Arm {
  return u < share ? 'control' : 'treated'
}

/**
 * The control share of a context with a threshold in force (a context without one runs everything as control).
 * `auto` is (0.1/s) sqrt(200/(n + 200)): while a threshold saves little, learning is cheap.
 * @param rate the policy's `control_rate`
 * @param savedRatio s, the tokens-saved ratio at the threshold in force
 * @param generations n, generations reported in this epoch, of either arm
 */
export function controlShare (rate: number | 'auto', savedRatio: number, generations: number): number {
  const share = rate === 'auto' ? (0.1 / savedRatio) * Math.sqrt(200 / (generations + 200)) : rate
  return Math.min(1, Math.max(CONTROL_FLOOR, share))
}

/**
 * The share to have in force, given the one in force now and the one wanted. It follows an `auto` share in steps (down by a tenth, up by a
 * half), since each move is a new model version, and for a while only what is control before and after it counts.
 */
export function nextShare (current: number, wanted: number): number {
  const isFloor = wanted === CONTROL_FLOOR && current !== wanted
  return wanted <= 0.9 * current || wanted >= Math.min(1, 1.5 * current) || isFloor ? wanted : current
}
