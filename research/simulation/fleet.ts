import { durationAt, slots } from '../../test/simulation/arrivals.js'
import { KEY, play, type Played } from '../../test/simulation/enrolment.js'

export interface Survival {
  readonly certifiedAt: number | null
  /** Whether a threshold is certified at the end, suspended or not. */
  readonly isKept: boolean
  readonly missing: number
  readonly changes: Played['changes']
}

/** Plays a fleet of 300 slots that is killed once, until the follow-up of the killed generations is over. */
export function playKilled (killedAt: number, controlRate: number | 'auto', drop: number, seed: number): Survival {
  const until = killedAt + 300
  const traffic = slots({ count: 300, startWithin: durationAt(1), until, nextKill: (t) => t < killedAt ? killedAt : Infinity })
  const world = { traffic, policy: { control_rate: controlRate }, until: until + 1900, hasStoppedProbes: true }
  const { certifiedAt, fold, changes } = play(world, drop, seed)
  const { rule: { index }, reports: { follow_up } } = fold.state(KEY)
  return { certifiedAt, isKept: index !== -1, missing: follow_up.missing, changes }
}
