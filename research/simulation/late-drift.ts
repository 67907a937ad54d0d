import { ALARM } from '../../src/core/guards/detector.js'
import { longLose, poisson, type Traffic } from '../../test/simulation/arrivals.js'
import { play } from '../../test/simulation/enrolment.js'

// How long a threshold stays in force whose drop has risen, where some generations never report from then on, or labels come late.

const BOUND = 0.02
/** Generations a second. */
const RATE = 16
/** The drop until the shift. */
const BEFORE = 0.001
/** Seconds until the shift, and after it until the search is given up. */
const SHIFT = 600
const MOST = 4800

/** The loss shows between full runs and probes, and sometimes first between the arms. */
const WITHDRAWALS: readonly string[] = ['drift', 'breach']

interface Rise {
  /** The drop after the shift. */
  readonly to: number
  /** Share of the generations after the shift that never report. */
  readonly missing: number
}

/** Until the threshold is withdrawn: minutes after the shift, and answers lost by stops in that time. */
interface Withdrawn { readonly minutes: number, readonly lost: number }

const risingTo = ({ to, missing }: Rise): Traffic => (random) =>
  poisson(random, () => RATE, SHIFT + MOST, RATE).map((start) => {
    const generation = longLose(random, start < SHIFT ? BEFORE : to, start)
    return random() < missing && start >= SHIFT ? { ...generation, isSilent: true } : generation
  })

/** Plays the rise through the learner. @returns `null` if nothing was certified before it, or nothing withdrawn after it */
export function untilWithdrawn (rise: Rise, seed: number): Withdrawn | null {
  const policy = { evidence_span_seconds: 0 }
  const length = { until: SHIFT + MOST, endsWith: WITHDRAWALS, countsFrom: SHIFT }
  const world = { traffic: risingTo(rise), policy, looksEverySecond: true, hasStoppedProbes: true, ...length }
  const { certifiedAt, changes, lost } = play(world, 0, seed)
  const found = changes.find(({ cause }) => WITHDRAWALS.includes(cause))
  if (certifiedAt === null || certifiedAt > SHIFT || found === undefined) return null
  return { minutes: (found.at - SHIFT) / 60, lost }
}

/**
 * Control generations that a detector with the best bet would need: ln(ALARM) over its mean growth, max over c in [0, 0.95] of
 * E[ln(1 + c / (1 + a) (d - a))], for d of 1 with the chance `drop` and 0 otherwise (Shin, Ramdas & Rinaldo 2022, section 2).
 */
export function leastControls (drop: number): number {
  const growths = Array.from({ length: 95 }, (_, i) => {
    const bet = (i + 1) / 100 / (1 + BOUND)
    return drop * Math.log1p(bet * (1 - BOUND)) + (1 - drop) * Math.log1p(-bet * BOUND)
  })
  return Math.log(ALARM) / Math.max(...growths)
}

/** Labels that come some seconds after the outcome; those of lost answers after the shift may never come. */
export interface Labels { readonly after: number, readonly ofLost?: null }

/** Follow-up, and time until the shift, in seconds. */
const FOLLOW_UP = 600
const LATE_SHIFT = 900

/** A twentieth of the answers differs all the time without any loss; from the shift on, stopping loses 10 points. */
const losingTen = ({ after, ofLost }: Labels): Traffic => (random) =>
  poisson(random, () => RATE, LATE_SHIFT + 4 * FOLLOW_UP, RATE).map((start) => {
    const isAfter = start >= LATE_SHIFT
    const generation = longLose(random, isAfter ? 0.1 : BEFORE, start)
    const isOtherAnswer = random() < 0.05 && !generation.isLost
    return { ...generation, isOtherAnswer, labelAfter: generation.isLost && isAfter && ofLost === null ? null : after }
  })

/** Answers lost by stops until drift is suspected, and until the threshold is withdrawn. */
export function lostByLateLabels (labels: Labels, seed: number): { readonly suspected: number, readonly withdrawn: number } {
  const policy = { evidence_span_seconds: 0, follow_up_seconds: FOLLOW_UP }
  const length = { until: LATE_SHIFT + 4 * FOLLOW_UP, endsWith: WITHDRAWALS, countsFrom: LATE_SHIFT }
  const world = { traffic: losingTen(labels), policy, looksEverySecond: true, hasStoppedProbes: true, ...length }
  const { suspicions, lost } = play(world, 0, seed)
  return { suspected: suspicions.find(({ at }) => at >= LATE_SHIFT)?.lost ?? Infinity, withdrawn: lost }
}
