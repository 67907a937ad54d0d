import { normal, seededRandom, type Random } from '../../src/cli/traces/seeded-random.js'
import { PROFILES } from '../../src/cli/simulate/simulated-generation.js'
import { drawArm } from '../../src/core/assignment/arm.js'
import { GRID } from '../../src/core/certificate/thresholds.js'
import { estimateSavings, type SavingsEstimate } from '../../src/core/contexts/savings.js'
import type { PolicyPatch } from '../../src/core/policy/policy.js'
import type { LogEntry } from '../../src/core/reducer/log-entry.js'
import { memoryFold, outcomeOf, type MemoryFold } from '../core/reducer/memory-fold.js'
import type { TraceFile } from '../test-data.js'
import { EventQueue } from './event-queue.js'
import type { FullRun } from './service.js'
import { readTraceRuns } from './share.js'
import { CONTEXT, generate, KEY, LEVELS } from './stream.js'

// Tokens saved as the learner estimates them, against those that its stops really saved. Generations overlap, as workers run them.

/** A source of the generations of one run. */
export type Source = (random: Random, id: string) => FullRun

/** The reasoner of `stopgate simulate` with a long tail: the longest twentieth has half of the tokens. */
export const heavyTailed: Source = (random, id) => {
  const medianSteps = Math.min(400, 8 * Math.exp(1.2 * normal(random)))
  return generate(random, { ...PROFILES[0]!, medianSteps }, id, CONTEXT).run
}

/** Real generations, drawn with replacement and separated from their groups. */
export function fromTraces (file: TraceFile): Source {
  const runs = readTraceRuns(file, [])
  return (random, generation_id) => {
    const { group_id: _, sample_index: __, ...run } = runs[Math.floor(random() * runs.length)]!
    return { ...run, generation_id }
  }
}

export interface SavedWorld {
  readonly source: Source
  readonly generations: number
  readonly policy?: PolicyPatch
  /** Share of the stops that take effect late, and by how many distances between two checks at most. */
  readonly late?: { readonly share: number, readonly checks: number }
  /** Answers of stopped generations are longer than those of full runs by this factor. */
  readonly answers?: number
  /** Tokens a second; 30 unless stated. */
  readonly speed?: number
  /** Samples of each prompt. */
  readonly samples?: number
  /** Share of the generations whose client goes away after a part of the full run. */
  readonly cancelled?: number
}

export interface SavedTokens {
  /** Tokens that stops saved: of the full runs of the treated, less those that they used. */
  readonly truth: number
  readonly estimate: SavingsEstimate | null
  /** The earlier estimate, from the length of each treated generation and the share saved at the threshold. */
  readonly byOwnLength: number
  readonly stopped: number
  /** Places that the threshold has been at, and the control shares. */
  readonly places: ReadonlySet<number>
  readonly shares: ReadonlySet<number>
}


const STARTED_A_SECOND = 4

/** Plays generations until all have been reported. */
export function playSaved (world: SavedWorld, seed: number): SavedTokens { return new Player(world, seed).play() }

interface Running { readonly run: FullRun, readonly u: number, readonly hash: number, readonly samples: number, readonly cancelledAt: number }

class Player {
  readonly #world: SavedWorld
  readonly #random: Random
  readonly #queue = new EventQueue()
  readonly #fold: MemoryFold
  #lists = 0
  #truth = 0
  #byOwnLength = 0
  #stopped = 0
  readonly #places = new Set<number>()
  readonly #shares = new Set<number>()

  constructor (world: SavedWorld, seed: number) {
    this.#world = world
    this.#random = seededRandom(seed * 7919 + 5)
    this.#fold = memoryFold({ follow_up_seconds: 1800, ...world.policy }, { levels: LEVELS })
  }

  play (): SavedTokens {
    const { generations, source, samples = 1, cancelled = 0 } = this.#world
    for (let i = 0; i < generations / samples; i++) {
      this.#queue.add(i * samples / STARTED_A_SECOND, (now) => {
        const [u, hash] = [this.#random(), this.#random()]
        this.#enrol(u, hash, now)
        for (let j = 0; j < samples; j++) {
          const run = source(this.#random, `g${i}-${j}`)
          const cancelledAt = this.#random() < cancelled ? this.#random() * run.tokens : Infinity
          this.#start({ run, u, hash, samples, cancelledAt }, now)
        }
      })
    }
    this.#queue.run()
    const { savings } = this.#fold.state(KEY)
    return {
      truth: this.#truth, estimate: estimateSavings(savings), byOwnLength: this.#byOwnLength, stopped: this.#stopped, places: this.#places, shares: this.#shares,
    }
  }

  get #speed (): number { return this.#world.speed ?? 30 }

  get #share (): number { return this.#fold.states.get(KEY)?.control_share ?? 1 }

  #learn (entry: LogEntry, now: number): void { this.#fold.learn(entry, Math.round(now * 1000)) }

  #enrol (u: number, hash: number, now: number): void {
    const share = this.#share
    if (u >= 2 * share) return
    const epoch = this.#fold.states.get(KEY)?.epoch_name ?? null
    this.#learn({ type: 'enrolment', boot: 'replica', number: ++this.#lists, age: 0, entries: [{ key: KEY, epoch, share, draws: [[u, hash]] }] }, now)
  }

  #start (running: Running, now: number): void {
    const { run, u, cancelledAt } = running
    if (drawArm(u, this.#share) === 'treated') return this.#check(running, 0, now)
    const tokens = Math.min(run.tokens, cancelledAt)
    this.#queue.add(now + tokens / this.#speed, (at) => this.#report(running, { arm: 'control', tokens }, at))
  }

  /** The next check of a treated generation. */
  #check (running: Running, i: number, start: number): void {
    const { run, u, cancelledAt } = running
    const step = run.steps[i]
    const ends = Math.min(run.tokens, cancelledAt)
    if (step === undefined || step.tokens >= ends) {
      this.#queue.add(start + ends / this.#speed, (at) => this.#report(running, { arm: 'treated', tokens: ends }, at))
      return
    }
    this.#queue.add(start + step.tokens / this.#speed, (now) => {
      const { threshold_index: place } = this.#fold.state(KEY)
      const k = Math.floor(place) + (place % 1 > 0 && (u * 1e6) % 1 < place % 1 ? 1 : 0)
      if (place === -1 || (step.confidence ?? 0) < GRID[k]!) return this.#check(running, i + 1, start)
      this.#stop(running, step.tokens, start)
    })
  }

  #stop (running: Running, crossing: number, start: number): void {
    const { run: { tokens: full, answer_tokens: answer = 0, steps }, cancelledAt } = running
    const { late = { share: 0, checks: 0 }, answers = 1 } = this.#world
    const distance = full / Math.max(1, steps.length)
    const overrun = this.#random() < late.share ? Math.round(this.#random() * late.checks * distance) : 0
    const thought = Math.min(crossing + overrun, full - answer)
    const tokens = Math.max(crossing, thought) + Math.round(answer * answers)
    this.#queue.add(start + tokens / this.#speed, (at) => {
      this.#stopped++
      this.#report(running, { arm: 'treated', stopped: true, tokens, answer: Math.round(answer * answers), crossing }, at)
      if (cancelledAt < full) this.#truth -= full - cancelledAt
    })
  }

  #report (
    { run, u, hash, samples, cancelledAt }: Running,
    { arm, tokens, stopped = false, crossing, answer = run.answer_tokens ?? 0 }:
    { readonly arm: 'control' | 'treated', readonly tokens: number, readonly stopped?: boolean, readonly crossing?: number, readonly answer?: number },
    now: number
  ): void {
    const isCancelled = !stopped && tokens >= cancelledAt
    const { guarantee } = this.#fold.states.get(KEY) ?? { guarantee: null }
    const saved = guarantee?.tokens_saved_gross_ratio ?? 0
    if (arm === 'treated') {
      this.#truth += isCancelled ? 0 : run.tokens - tokens
      this.#byOwnLength += tokens * saved / (1 - saved)
    }
    this.#learn(outcomeOf({
      generation_id: run.generation_id,
      u,
      hash,
      arm,
      stopped,
      context: CONTEXT,
      tokens,
      answer_tokens: answer,
      ...(crossing !== undefined && { stopped_probe: { tokens: crossing } }),
      ...(isCancelled && { cancelled: true }),
      sample_index: samples === 1 ? null : -1,
      ...(samples > 1 && { samples }),
      full: { exact_match: run.em! },
      steps: arm === 'treated' || isCancelled ? null : run.steps.map(({ tokens, confidence, em }) => ({ tokens, confidence, exact_match: em! })),
    }), now)
    const { threshold_index: place, control_share: share } = this.#fold.state(KEY)
    this.#places.add(place)
    this.#shares.add(share)
  }
}
