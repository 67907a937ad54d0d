import { drawArm, type Arm } from '../../src/core/decide/arm.js'
import { seededRandom } from '../../src/cli/traces/seeded-random.js'
import { DrawBuffer } from '../../src/core/evidence/enrolment-list.js'
import type { LoggedOutcome, LoggedStep } from '../../src/core/outcome/outcome.js'
import type { Change } from '../../src/core/learn/threshold-change.js'
import type { LogEntry } from '../../src/core/learn/log-entry.js'
import type { PolicyPatch } from '../../src/core/policy/policy.js'
import { memoryFold, outcomeOf, type MemoryFold } from '../core/learn/memory-fold.js'
import { SHUFFLED } from '../quick-policy.js'
import { EventQueue } from './event-queue.js'
import type { Arrival, Traffic } from './arrivals.js'
import { binomialBound } from './binomial-bound.js'
import { changed } from '../changed-state.js'

/** The context under test: a leaf, or the pool of its members. */
export const KEY = 'task=simulated'
export const LEVELS = ['task', 'member']
const OTHER = 'task=other'

export interface World {
  readonly traffic: Traffic
  readonly policy?: PolicyPatch
  /** Delay of the enrolment lists of each replica to the log, in seconds. */
  readonly delays?: readonly number[]
  /** Further entries of the log, each with its time in seconds. */
  readonly entries?: ReadonlyArray<{ readonly at: number, readonly entry: LogEntry }>
  /** Looks at evidence once a second, as the service does, and not after every entry; looking at incomplete groups is slow. */
  readonly looksEverySecond?: boolean
  /** Stops are reported with their probes. */
  readonly hasStoppedProbes?: boolean
  /** A breach holds no threshold back. */
  readonly isWithoutHold?: boolean
  /** Ends after this many seconds of traffic and follow-up; absent: at the first certificate. */
  readonly until?: number
  /** Ends earlier, at the first change with one of these causes. */
  readonly endsWith?: readonly string[]
  /** Stops are counted from this time on, in seconds; default 0. */
  readonly countsFrom?: number
}

export interface Played {
  /** Seconds until a threshold was first in force; `null`: never. */
  readonly certifiedAt: number | null
  readonly fold: MemoryFold
  /** Changes of the context under test, each with its time in seconds and the generations started by then. */
  readonly changes: ReadonlyArray<{ readonly cause: Change['cause'], readonly at: number, readonly started: number }>
  /** The suspicions of drift or breach, by when each began, in seconds, and the answers that stops had lost by then. */
  readonly suspicions: ReadonlyArray<{ readonly at: number, readonly lost: number }>
  /** Generations that were stopped, and those of them that lost their answer. */
  readonly stopped: number
  readonly lost: number
  /** What those stopped would have had in full. */
  readonly stoppedTokens: number
}

const LIST_EVERY = 0.1

/** Plays traffic into the learner as replicas and workers would. By default evidence is looked at after every entry of the log. */
export function play (world: World, drop: number, seed: number): Played {
  return new Player(world, seed).play(drop)
}

/** The draws of a generation at its first step, and whether its worker stops it. */
interface Running {
  readonly arrival: Arrival
  readonly id: string
  readonly u: number
  readonly hash: number
  readonly arm: Arm
  readonly isStopped: boolean
  readonly hasProbe: boolean
}

class Player {
  readonly #world: World
  readonly #random
  readonly #queue = new EventQueue()
  readonly #fold: MemoryFold
  readonly #replicas = new Map<number, { readonly buffer: DrawBuffer, isListDue: boolean, lists: number }>()
  readonly #groups = new Map<number, readonly [number, number]>()
  #started = 0
  readonly #changes: Array<Played['changes'][number]> = []
  readonly #suspicions: Array<Played['suspicions'][number]> = []
  #isSuspected = false
  #certifiedAt: number | null = null
  #stopped = 0
  #lost = 0
  #stoppedTokens = 0

  constructor (world: World, seed: number) {
    this.#world = world
    this.#random = seededRandom(seed * 7919 + 1)
    // Rule E8 has a simulation of its own, `moving-traffic.ts`.
    this.#fold = memoryFold({ ...SHUFFLED, follow_up_seconds: 1800, certify_at: 'task', ...world.policy }, { levels: LEVELS })
  }

  play (drop: number): Played {
    const { traffic, entries = [], until, endsWith } = this.#world
    for (const arrival of traffic(this.#random, drop)) this.#queue.add(arrival.start, (now) => this.#start(arrival, now))
    for (const { at, entry } of entries) this.#queue.add(at, (now) => this.#learn(entry, now))
    if (until !== undefined) for (let at = 1; at < until; at++) this.#queue.add(at, (now) => this.#learn({ type: 'tick' }, now))
    const isOver = () => until === undefined
      ? this.#certifiedAt !== null
      : endsWith !== undefined && this.#changes.some(({ cause }) => endsWith.includes(cause))
    this.#queue.run(isOver)
    const [certifiedAt, fold, changes] = [this.#certifiedAt, this.#fold, this.#changes]
    const sums = { stopped: this.#stopped, lost: this.#lost, stoppedTokens: this.#stoppedTokens }
    return { certifiedAt, fold, changes, suspicions: this.#suspicions, ...sums }
  }

  #learn (entry: LogEntry, at: number): void {
    const cohort = this.#fold.cohorts.get(KEY)
    if (cohort !== undefined && this.#world.looksEverySecond !== true) cohort.lookedAt = -Infinity
    const before = this.#fold.changes.length
    this.#fold.append(entry, at * 1000)
    for (const { key, cause } of this.#fold.changes.slice(before)) {
      if (key === KEY) this.#changes.push({ cause, at, started: this.#started })
    }
    const state = this.#fold.states.get(KEY)
    if (this.#world.isWithoutHold === true && state !== undefined) this.#fold.states.set(KEY, changed(state, { guards: { hold: null } }))
    const index = state?.rule.index ?? -1
    if (index !== -1) this.#certifiedAt ??= at
    const isSuspected = state?.guards.is_suspected === true
    if (isSuspected && !this.#isSuspected) this.#suspicions.push({ at, lost: this.#lost })
    this.#isSuspected = isSuspected
  }

  #start (arrival: Arrival, now: number): void {
    const id = `g${this.#started++}`
    const [u, hash] = this.#drawsOf(arrival)
    const state = this.#fold.states.get(keyOf(arrival))
    const arm = drawArm(u, state?.rule.control_share ?? 1)
    const isServed = arm === 'treated' || arrival.isArmIgnored === true
    const isStopped = isServed && state !== undefined && (state.rule.index !== -1 || arrival.isArmIgnored === true)
    this.#draw(arrival, u, hash, arrival.replica ?? 0, now)
    if (arrival.retriedAfter !== undefined) {
      this.#queue.add(now + arrival.retriedAfter, (later) => this.#draw(arrival, u, hash, (arrival.replica ?? 0) + 1, later))
    }
    if (arrival.isSilent === true) return
    const isCounted = isStopped && now >= (this.#world.countsFrom ?? 0)
    if (isCounted) this.#stopped++
    if (isCounted) this.#stoppedTokens += arrival.tokens ?? 0
    if (isCounted && (arrival.isLost || arrival.isLostByStop === true) && arrival.isOtherAnswer !== true) this.#lost++
    const running = { arrival, id, u, hash, arm, isStopped, hasProbe: this.#world.hasStoppedProbes === true }
    const end = now + (isStopped ? 1 : arrival.seconds)
    this.#queue.add(end, (at) => this.#learn(outcomeOfRunning(running), at))
    const { labelAfter } = arrival
    if (labelAfter != null) this.#queue.add(end + labelAfter, (at) => this.#learn(labelOf(running), at))
  }

  #drawsOf ({ group }: Arrival): readonly [number, number] {
    const fresh = () => [this.#random(), this.#random()] as const
    if (group === undefined) return fresh()
    if (!this.#groups.has(group)) this.#groups.set(group, fresh())
    return this.#groups.get(group)!
  }

  /** Draws at a replica, which soon appends a list of its draws. */
  #draw (arrival: Arrival, u: number, hash: number, number: number, now: number): void {
    let replica = this.#replicas.get(number)
    if (replica === undefined) this.#replicas.set(number, replica = { buffer: new DrawBuffer(), isListDue: false, lists: 0 })
    const key = keyOf(arrival)
    const state = this.#fold.states.get(key)
    const share = state?.rule.control_share ?? 1
    replica.buffer.add({ key, epoch: state?.epoch.name ?? null, share }, u, hash, now * 1000)
    if (replica.isListDue) return
    replica.isListDue = true
    const { buffer } = replica
    const [owner, delay] = [replica, this.#world.delays?.[number] ?? 0]
    this.#queue.add((Math.floor(now / LIST_EVERY) + 1) * LIST_EVERY, (appended) => {
      owner.isListDue = false
      const taken = buffer.take()
      if (taken === null) return // all are treated
      const { entries, since } = taken
      const list = { type: 'enrolment', boot: `replica-${number}`, number: ++owner.lists, age: (appended + delay) * 1000 - since, entries } as const
      this.#queue.add(appended + delay, (at) => this.#learn(list, at))
    })
  }
}

const keyOf = ({ isOther }: Arrival): string => isOther === true ? OTHER : KEY

/** Has one step, at which every threshold stops. Before its label comes, the step shows only whether its answer is the final one. */
function outcomeOfRunning ({ arrival, id, u, hash, arm, isStopped, hasProbe }: Running): LoggedOutcome {
  const { isLost, isOtherAnswer, isLostByStop, labelAfter, group, samples, member, isOther } = arrival
  const isLabelled = labelAfter === undefined
  const isRightInFull = isOtherAnswer !== true
  const isRightProbed = !isLost && isRightInFull
  const isRightStopped = isRightProbed && isLostByStop !== true
  const probed: LoggedStep = {
    tokens: 20,
    confidence: 1,
    ...(isLabelled ? { exact_match: isLost || !isRightInFull ? 0 : 1 } : { answer_digest: isLost || isOtherAnswer === true ? 'other' : `final ${id}` }),
  }
  const isRight = isStopped ? isRightStopped : isRightInFull
  return outcomeOf({
    generation_id: id,
    u,
    hash,
    arm: isStopped ? 'treated' : arm,
    stopped: isStopped,
    context: { task: isOther === true ? 'other' : 'simulated', member: `m${member ?? 0}` },
    ...(isStopped && hasProbe && {
      stopped_probe: { tokens: 20, exact_match: isRightProbed ? 1 : 0, agreement: isRight === isRightProbed ? 1 : 0 },
    }),
    tokens: isStopped ? 30 : Math.round(arrival.seconds * 30),
    sample_index: group === undefined ? null : -1,
    ...(samples !== undefined && { samples }),
    ...(isLabelled ? { full: { exact_match: isRight ? 1 : 0 } } : { full: {}, answer_digest: `final ${id}` }),
    steps: arm === 'treated' || isStopped || arrival.isWithoutSteps === true ? null : [probed],
    ...(arrival.isCancelled === true && { cancelled: true }),
  })
}

function labelOf ({ arrival, id, arm }: Running): LogEntry {
  const isRightInFull = arrival.isOtherAnswer !== true
  const em = isRightInFull ? 1 : 0
  return { type: 'label', generation_id: id, em, ...(arm === 'control' && { steps: [arrival.isLost || !isRightInFull ? 0 : 1] }) }
}

export interface Certified {
  readonly runs: number
  readonly certified: number
  /** Seconds until the certificate of each certified run, in ascending order. */
  readonly seconds: readonly number[]
}

/** Counts the runs in which a threshold is certified. The seeds start at `from` + 1. */
export function certifiedOf (world: World, drop: number, runs: number, from = 0): Certified {
  const seconds = Array.from({ length: runs }, (_, i) => play(world, drop, from + i + 1).certifiedAt).filter((at) => at !== null)
  return { runs, certified: seconds.length, seconds: seconds.sort((a, b) => a - b) }
}

/** Whether there are more false certificates than the level explains, with a confidence of 99.9 %. */
export function isTooOften ({ runs, certified }: Certified, level = 0.05): boolean { return certified > binomialBound(runs, level) }
