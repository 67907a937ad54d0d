import { steady } from './arrivals.js'
import { play } from './enrolment.js'
import { lostByStop } from './mishaps.js'

/**
 * Plays traffic in which real stops lose 10 points of EM while probes lose none.
 * @returns generations from the certificate to the breach; `null` where none is found among 80,000
 */
export function generationsToBreach (controlRate: number | 'auto', seed: number, lostPoints = 0.1): number | null {
  const seconds = 20_000
  const world = { traffic: lostByStop(steady(undefined, seconds), lostPoints), policy: { control_rate: controlRate }, until: seconds, endsWith: 'breach' } as const
  const { changes } = play(world, 0, seed)
  const breach = changes.find(({ cause }) => cause === 'breach')
  return breach === undefined ? null : breach.started - changes[0]!.started
}
