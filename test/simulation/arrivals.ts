import type { Random } from '../../src/cli/traces/seeded-random.js'

/** A generation of simulated traffic. Times are seconds. */
export interface Arrival {
  readonly start: number
  readonly seconds: number
  /** Stopping it would lose its answer, so its probed answer is wrong and its final one right. */
  readonly isLost: boolean
  /** Never reports an outcome. */
  readonly isSilent?: boolean
  readonly isCancelled?: boolean
  /** Its outcome comes without its steps. */
  readonly isWithoutSteps?: boolean
  /** Its worker stops it whatever its arm. */
  readonly isArmIgnored?: boolean
  /** Seconds from its end to its label; `null`: the label never comes; absent: it comes with the outcome. */
  readonly labelAfter?: number | null
  /** The probed answer differs from the final one, but both are wrong, so stopping loses and gains nothing. */
  readonly isOtherAnswer?: boolean
  /** A real stop loses its answer, although the probed one was right. */
  readonly isLostByStop?: boolean
  /** Its group, and the number of samples in the group; `samples` absent: no outcome states the number. */
  readonly group?: number
  readonly samples?: number
  /** The replica that it asks first; default 0. */
  readonly replica?: number
  /** Seconds from its start until its first step is sent again. */
  readonly retriedAfter?: number
  /** The member of the pool that it belongs to. */
  readonly member?: number
  /** Its tokens in full, where those of stopped generations are summed. */
  readonly tokens?: number
  /** It belongs to another context than the one under test. */
  readonly isOther?: boolean
}

/** Makes the generations of one run, of which stopping would lose a fraction `drop`. */
export type Traffic = (random: Random, drop: number) => Arrival[]

/** Makes a generation that starts at `start`. */
export type Kind = (random: Random, drop: number, start: number) => Arrival

/** Durations of 2.4 to 60 s, log-uniform. */
const LEAST = 2.4
const MOST = 60
export const durationAt = (quantile: number): number => LEAST * (MOST / LEAST) ** quantile

/** Only the longer half loses. */
export const longLose: Kind = (random, drop, start) => {
  const quantile = random()
  return { start, seconds: durationAt(quantile), isLost: quantile > 0.5 && random() < 2 * drop }
}

/** Only the shorter half loses. */
export const shortLose: Kind = (random, drop, start) => {
  const quantile = random()
  return { start, seconds: durationAt(quantile), isLost: quantile < 0.5 && random() < 2 * drop }
}

/** Starts of a Poisson process with a varying rate, by thinning a process of the highest rate. */
export function poisson (random: Random, perSecond: (t: number) => number, until: number, most: number): number[] {
  const starts: number[] = []
  for (let t = 0; ;) {
    t += -Math.log(1 - random()) / most
    if (t >= until) return starts
    if (random() < perSecond(t) / most) starts.push(t)
  }
}

function times (count: number, make: (i: number) => Arrival | Arrival[]): Arrival[] {
  return Array.from({ length: count }, (_, i) => make(i)).flat()
}

interface Slots {
  readonly count: number
  /** Seconds within which all slots start their first generation. */
  readonly startWithin: number
  readonly until: number
  /** When the servers are next killed after a time; default never. */
  readonly nextKill?: (t: number) => number
}

/** Slots, each of which starts a generation when its last one ends. A kill interrupts running generations, which then never report. */
export const slots = ({ count, startWithin, until, nextKill = () => Infinity }: Slots): Traffic => (random, drop) => times(count, () => {
  const slot: Arrival[] = []
  for (let t = random() * startWithin; t < until;) {
    const generation = longLose(random, drop, t)
    const kill = nextKill(t)
    const isKilled = t + generation.seconds > kill
    slot.push(isKilled ? { ...generation, isSilent: true } : generation)
    t = isKilled ? kill + random() * 0.2 : t + generation.seconds + 0.01
  }
  return slot
})

/** Poisson traffic of four a second. */
export const steady = (kind: Kind = longLose, seconds = 600): Traffic => (random, drop) =>
  poisson(random, () => 4, seconds, 4).map((start) => kind(random, drop, start))

/** A quiet minute, then 350 within half a second, again and again. */
export const burst: Traffic = (random, drop) => times(5, (round) => [
  ...poisson(random, () => 0.2, 60, 0.2).map((t) => longLose(random, drop, round * 130 + t)),
  ...times(350, () => longLose(random, drop, round * 130 + 60 + random() * 0.5)),
])

/** Synchronous rollouts of 300, each begun 3 s after the longest of the one before has ended. */
export const rollouts: Traffic = (random, drop) => {
  const all: Arrival[] = []
  for (let start = 0; all.length < 2400;) {
    const rollout = times(300, () => longLose(random, drop, start + random() * 0.3))
    all.push(...rollout)
    start = Math.max(...rollout.map(({ start, seconds }) => start + seconds)) + 3
  }
  return all
}

/** Rollouts of 100 every 10 s, which overlap. */
export const overlapping: Traffic = (random, drop) =>
  times(25, (round) => times(100, () => longLose(random, drop, round * 10 + random() * 0.3)))

/** The rate doubles every half second from one a second to 256, then falls quiet for two minutes. */
export const ramps: Traffic = (random, drop) => times(4, (round) =>
  poisson(random, (t) => Math.min(256, 2 ** (2 * t)), 5, 256).map((t) => longLose(random, drop, round * 130 + t)))

export const closedLoop: Traffic = slots({ count: 100, startWithin: 60, until: 500 })

/** The servers of 300 slots restart while nothing runs, and all slots fill at once. */
export const restarted: Traffic = slots({ count: 300, startWithin: 0.2, until: 120 })

/** The same, but the servers are killed every 100 s. */
export const killed: Traffic = slots({ count: 300, startWithin: 0.2, until: 300, nextKill: (t) => 100 * (Math.floor(t / 100) + 1) })

/** Days of five minutes: one mostly short generation a second at night, seven mostly long ones by day. The chance to lose is constant. */
export const diurnal: Traffic = (random, drop) => {
  const light = (t: number) => (1 - Math.cos(2 * Math.PI * t / 300)) / 2
  return poisson(random, (t) => 1 + 6 * light(t), 600, 7).map((start) => {
    const quantile = random() ** (1.5 - light(start))
    return { start, seconds: durationAt(quantile), isLost: random() < drop }
  })
}

/** Batches of 4,096 steps in one request each, sorted from the easiest to the hardest. */
export const batches: Traffic = (random, drop) => times(2, (round) => times(4096, (row) => ({
  start: round * 90, seconds: durationAt(row / 4096), isLost: row >= 2048 && random() < 2 * drop,
})))

/** `statesSize`: outcomes state how many samples their group has. */
interface GroupOptions { readonly seconds?: number, readonly perSecond?: number, readonly statesSize?: boolean }

/** Groups of samples of one prompt, spread over replicas. Half of the prompts are hard, and only these lose. */
export const groups = (samples: number, { seconds = 600, perSecond = 4, statesSize = true }: GroupOptions = {}): Traffic =>
  (random, drop) => poisson(random, () => perSecond, seconds, perSecond).flatMap((start, group) => {
    const isHard = random() < 0.5
    return times(samples, (i) => ({
      start: start + random() * 0.2,
      seconds: durationAt(isHard ? 0.5 + random() / 2 : random() / 2),
      isLost: isHard && random() < 2 * drop,
      group,
      ...(statesSize && { samples }),
      replica: i % 3,
    }))
  })

/** The first half of the traffic is easy and loses nothing; the second half loses twice the drop. */
export const trending = (seconds: number): Traffic => (random, drop) =>
  poisson(random, () => 4, seconds, 4).map((start) => longLose(random, start < seconds / 2 ? 0 : 2 * drop, start))

/** Days of `day` seconds, whose middle loses most and whose ends lose nothing: `drop` on average. */
export const difficultDays = (day: number): Traffic => (random, drop) =>
  poisson(random, () => 4, 1200, 4).map((start) => longLose(random, drop * (1 - Math.cos(2 * Math.PI * start / day)), start))

/** Every three minutes 8,000 within 2 s over three replicas, sorted from the easiest to the hardest. */
export const sortedBursts: Traffic = (random, drop) => times(2, (round) => times(8000, (row) => ({
  start: round * 180 + row / 4000, seconds: durationAt(row / 8000), isLost: row >= 4000 && random() < 2 * drop, replica: row % 3,
})))
