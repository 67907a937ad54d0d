import type { Label } from '../policy/policy.js'
import { type Arms, armsSuspicion } from './arms.js'
import { ALARM } from './drift.js'
import { type Fidelity, fidelitySuspicion } from './fidelity.js'

/**
 * A breach: stops lose more EM than the bound, although the evidence certifies their threshold. Stops show it by themselves if they are
 * reported with their probes (`fidelity`); otherwise the two arms are compared, which takes many times as many generations.
 */

/** From what a breach is seen. Under `agreement`, answers of stopped generations say nothing without their probes. */
export const BREACH_SIGHTS = ['fidelity', 'arms', 'unobservable'] as const
export type BreachSight = typeof BREACH_SIGHTS[number]

/** The mean of a detector's M from which a breach is suspected, which raises an `auto` control share. */
export const BREACH_SUSPECTED = 10

interface Watched { readonly fidelity: Fidelity, readonly arms: Arms }

export function breachSight ({ fidelity: { stops, unobserved } }: Pick<Watched, 'fidelity'>, label: Label): BreachSight {
  if (stops > 0 && stops >= unobserved) return 'fidelity'
  return label === 'exact_match' ? 'arms' : 'unobservable'
}

/** The larger mean of the two detectors. */
export function breachSuspicion ({ fidelity, arms }: Watched): number {
  return Math.max(fidelitySuspicion(fidelity), armsSuspicion(arms))
}

export function isBreached (watched: Watched): boolean { return breachSuspicion(watched) >= ALARM }
