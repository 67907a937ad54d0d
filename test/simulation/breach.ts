import { isBreached } from '../../src/core/guards/breach.js'
import { addDifference, NO_FIDELITY } from '../../src/core/guards/fidelity.js'
import type { Label } from '../../src/core/policy/policy.js'
import { steady } from './arrivals.js'
import { play } from './enrolment.js'
import { lostByStop } from './mishaps.js'
import { mulberry32 } from '../random.js'

const BOUND = 0.02

/** Real stops whose served answers lose EM against the probed ones; probes lose nothing. */
export interface LossyStops {
  /** EM of full runs and of probes. */
  readonly em: number
  /** EM lost by a stop in the mean, a fraction. */
  readonly loss: number
  readonly seed: number
  /** Stops until the search is given up. */
  readonly most: number
}

/**
 * Stops, each against its own probe, until a breach is found. A stop that loses its answer serves another one, and so does one whose probe
 * was wrong, as often: under `agreement` both count as lost.
 */
export function stopsByFidelity ({ em, loss, seed, most }: LossyStops, label: Label): number {
  const random = mulberry32(seed * 7919)
  let fidelity = NO_FIDELITY
  for (let stops = 1; stops <= most; stops++) {
    const isDifferent = random() < loss / em
    const isLost = isDifferent && (label === 'agreement' || random() < em)
    fidelity = addDifference(fidelity, isLost ? 1 : 0, BOUND)
    if (isBreached(fidelity)) return stops
  }
  return Infinity
}

/** Generations that `serveUnrepaired` plays. */
export const UNREPAIRED = 100_000

/**
 * Plays traffic, four generations a second, of a worker that is never repaired: stops are reported with their probes, and lose 10 points of
 * EM against them.
 * @returns stops, answers that they lost, and breaches
 */
export function serveUnrepaired (seed: number, isWithoutHold: boolean, generations = UNREPAIRED) {
  const seconds = generations / 4
  const traffic = lostByStop(steady(undefined, seconds), 0.1)
  const world = { traffic, until: seconds, looksEverySecond: true, hasStoppedProbes: true, isWithoutHold }
  const { changes, stopped, lost } = play(world, 0, seed)
  return { stopped, lost, breaches: changes.filter(({ cause }) => cause === 'breach').length }
}
