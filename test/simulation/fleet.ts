import { durationAt, longLose, type Arrival, type Traffic } from './arrivals.js'
import { KEY, play } from './enrolment.js'

/** So many slots, each of which starts a generation when its last one ends. At `killedAt` all that run are lost, and never report. */
export const killedOnce = (slots: number, killedAt: number, until: number): Traffic => (random, drop) =>
  Array.from({ length: slots }, () => {
    const slot: Arrival[] = []
    for (let t = random() * durationAt(1); t < until;) {
      const one = longLose(random, drop, t)
      const isKilled = t < killedAt && t + one.seconds > killedAt
      slot.push(isKilled ? { ...one, isSilent: true } : one)
      t = isKilled ? killedAt + random() * 0.2 : t + one.seconds + 0.01
    }
    return slot
  }).flat()

export interface Survival {
  readonly certifiedAt: number | null
  /** Whether a threshold is in force in the end. */
  readonly isInForce: boolean
  readonly missing: number
  readonly causes: readonly string[]
}

/** A fleet of 300 that is killed after its first certificate, seen until its follow-up is over. */
export function playKilled (killedAt: number, controlRate: number | 'auto', drop: number, seed: number): Survival {
  const until = killedAt + 300
  const world = { traffic: killedOnce(300, killedAt, until), policy: { control_rate: controlRate }, until: until + 1900 }
  const { certifiedAt, fold, changes } = play(world, drop, seed)
  const { threshold_index: index, follow_up } = fold.state(KEY)
  return { certifiedAt, isInForce: index !== -1, missing: follow_up.missing, causes: changes.map(({ cause }) => cause) }
}
