import type { Random } from '../../src/commands/traces/seeded-random.js'

/** A generation as traffic has it. Times are seconds. */
export interface Arrival {
  readonly start: number
  readonly seconds: number
  /** Stopping it would lose its answer, so its probed answer is wrong and its final one right. */
  readonly isLost: boolean
  /** It never reports. */
  readonly isSilent?: boolean
  readonly isCancelled?: boolean
  /** Its steps are gone when its outcome comes. */
  readonly isWithoutSteps?: boolean
  /** Its worker treats it as one to be stopped, whatever the arm. */
  readonly isArmIgnored?: boolean
  /** When its label comes, counted from its end; `null`: never; absent: with the outcome. */
  readonly labelAfter?: number | null
  /** The probed answer is another one than the final one, though neither loss nor gain: both are wrong. */
  readonly isOtherAnswer?: boolean
  /** A real stop loses its answer, though the probed one was right. */
  readonly isLostByStop?: boolean
  /** Its group, and how many samples that has; `samples` absent: no outcome says so. */
  readonly group?: number
  readonly samples?: number
  /** The replica that it asks first; 0 unless said. */
  readonly replica?: number
  /** Its first step is sent again so long after its start. */
  readonly retriedAfter?: number
  /** The member of the pool that it belongs to. */
  readonly member?: number
  /** It belongs to another context, beside the one that is watched. */
  readonly isOther?: boolean
}

/** Generations of one run; of them a fraction `drop` is lost by stopping. */
export type Traffic = (random: Random, drop: number) => Arrival[]

/** What a generation is like that starts at `start`. */
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

/** Starts of a Poisson process whose rate varies, by thinning one of the highest rate. */
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
    start = Math.max(...rollout.map((one) => one.start + one.seconds)) + 3
  }
  return all
}

/** Rollouts of 100 every 10 s, which overlap. */
export const overlapping: Traffic = (random, drop) =>
  times(25, (round) => times(100, () => longLose(random, drop, round * 10 + random() * 0.3)))

/** The rate doubles every half second from one a second to 256, then falls quiet for two minutes. */
export const ramps: Traffic = (random, drop) => times(4, (round) =>
  poisson(random, (t) => Math.min(256, 2 ** (2 * t)), 5, 256).map((t) => longLose(random, drop, round * 130 + t)))

/** 100 slots, each of which starts a generation when its last one ends. */
export const closedLoop: Traffic = (random, drop) => times(100, () => {
  const slot: Arrival[] = []
  for (let t = random() * 60; t < 500;) {
    const one = longLose(random, drop, t)
    slot.push(one)
    t += one.seconds + 0.01
  }
  return slot
})

/** 300 slots that fill at once when their servers restart, and go on; nothing is running when they restart. */
export const restarted: Traffic = (random, drop) => times(300, () => {
  const slot: Arrival[] = []
  for (let t = random() * 0.2; t < 120;) {
    const one = longLose(random, drop, t)
    slot.push(one)
    t += one.seconds + 0.01
  }
  return slot
})

/** The same, but every 100 s the servers are killed with whatever they run. */
export const killed: Traffic = (random, drop) => times(300, () => {
  const slot: Arrival[] = []
  for (let t = random() * 0.2; t < 300;) {
    const one = longLose(random, drop, t)
    const next = 100 * (Math.floor(t / 100) + 1)
    slot.push(t + one.seconds > next ? { ...one, isSilent: true } : one)
    t = Math.min(t + one.seconds + 0.01, next + random() * 0.2)
  }
  return slot
})

/** A day of five minutes: by night one a second, mostly short, by day seven, mostly long. The chance to lose is the same. */
export const diurnal: Traffic = (random, drop) => {
  const light = (t: number) => (1 - Math.cos(2 * Math.PI * t / 300)) / 2
  return poisson(random, (t) => 1 + 6 * light(t), 600, 7).map((start) => {
    const quantile = random() ** (1.5 - light(start))
    return { start, seconds: durationAt(quantile), isLost: random() < drop }
  })
}

/** Columns of 4,096 rows in one request each, sorted from the easiest to the hardest. */
export const columns: Traffic = (random, drop) => times(2, (round) => times(4096, (row) => ({
  start: round * 90, seconds: durationAt(row / 4096), isLost: row >= 2048 && random() < 2 * drop,
})))

/** `isCountSaid`: outcomes say how many samples the group has. */
interface GroupOptions { readonly seconds?: number, readonly perSecond?: number, readonly isCountSaid?: boolean }

/** Rollouts of groups of one prompt, whose samples are spread over replicas; half of the prompts are hard, and lose all that is lost. */
export const groups = (samples: number, { seconds = 600, perSecond = 4, isCountSaid = true }: GroupOptions = {}): Traffic =>
  (random, drop) => poisson(random, () => perSecond, seconds, perSecond).flatMap((start, group) => {
    const isHard = random() < 0.5
    return times(samples, (i) => ({
      start: start + random() * 0.2,
      seconds: durationAt(isHard ? 0.5 + random() / 2 : random() / 2),
      isLost: isHard && random() < 2 * drop,
      group,
      ...(isCountSaid && { samples }),
      replica: i % 3,
    }))
  })

/** The first half is easy and loses nothing, the second half loses twice the drop. */
export const trending = (seconds: number): Traffic => (random, drop) =>
  poisson(random, () => 4, seconds, 4).map((start) => longLose(random, start < seconds / 2 ? 0 : 2 * drop, start))

/** A day of so many seconds, whose middle loses the most and whose ends lose nothing: `drop` on average. */
export const difficultDays = (day: number): Traffic => (random, drop) =>
  poisson(random, () => 4, 1200, 4).map((start) => longLose(random, drop * (1 - Math.cos(2 * Math.PI * start / day)), start))

/** Every three minutes 8,000 within 2 s over three replicas, sorted from the easiest to the hardest. */
export const sortedBursts: Traffic = (random, drop) => times(2, (round) => times(8000, (row) => ({
  start: round * 180 + row / 4000, seconds: durationAt(row / 8000), isLost: row >= 4000 && random() < 2 * drop, replica: row % 3,
})))
