import { normal, seededRandom, type Random } from '../../src/cli/traces/seeded-random.js'
import { PROFILES } from '../../src/cli/traces/simulated-generation.js'
import { drawArm, type Arm } from '../../src/core/decide/arm.js'
import { GRID } from '../../src/core/decide/grid.js'
import { grossSavedRatio } from '../../src/core/stats/evidence.js'
import { estimateSavings, type SavingsEstimate } from '../../src/core/stats/savings.js'
import { knownEvidence } from '../../src/core/evidence/gathered-evidence.js'
import type { LogEntry } from '../../src/core/learn/log-entry.js'
import { memoryFold, outcomeOf, type MemoryFold } from '../../test/core/learn/memory-fold.js'
import { SHUFFLED } from '../../test/quick-policy.js'
import type { TraceFile } from '../../test/test-data.js'
import { EventQueue } from '../../test/simulation/event-queue.js'
import type { FullRun } from '../../test/simulation/service.js'
import { readTraceRuns } from './share.js'
import { count, mean, percent, standardError } from './summary.js'
import { CONTEXT, generate, KEY, LEVELS } from '../../test/simulation/stream.js'

// The learner's estimate of the tokens saved, against the tokens that stops really saved. Generations overlap, as those of workers do.

/** A source of generations. */
type Source = (random: Random, id: string) => FullRun

/** The synthetic reasoner, but the longest twentieth of the generations has half of the tokens. */
const longTailed: Source = (random, id) => {
  const medianSteps = Math.min(400, 8 * Math.exp(1.2 * normal(random)))
  return generate(random, { ...PROFILES[0]!, medianSteps }, id, CONTEXT).run
}

/** Real generations, drawn with replacement and separated from their groups. */
function fromTraces (file: TraceFile): Source {
  let runs: FullRun[] | undefined
  return (random, generation_id) => {
    runs ??= readTraceRuns(file, [])
    const { group_id: _, sample_index: __, ...run } = runs[Math.floor(random() * runs.length)]!
    return { ...run, generation_id }
  }
}

interface World {
  readonly name: string
  readonly source: Source
  readonly generations: number
  /** Speed of a generation, tokens a second; absent: 30. */
  readonly speed?: number
  /** `control_rate` of the first half and of the second; absent: "auto". */
  readonly rates?: readonly [number, number]
  /** Factor by which the answers of stopped generations are longer than those of full runs. */
  readonly answers?: number
  /** Samples of each prompt. */
  readonly samples?: number
  /** Share of the clients that go away at a random moment of the full run. */
  readonly cancelled?: number
}

/** Share of the stops that come late, and the number of checks by which they do at most. */
const LATE = 1 / 3
const LATEST = 4

export const WORLDS: readonly World[] = [
  { name: 'long-tailed', source: longTailed, generations: 6000 },
  { name: 'the same, stopped answers three times as long', source: longTailed, generations: 6000, answers: 3 },
  { name: 'the same, 20 % cancelled', source: longTailed, generations: 6000, cancelled: 0.2 },
  { name: 'the same, groups of 8', source: longTailed, generations: 12_000, samples: 8 },
  { name: 'frontier models', source: fromTraces('frontier-self-consistency'), generations: 6000, speed: 3000 },
  { name: 'older models', source: fromTraces('older-self-consistency'), generations: 6000, speed: 3000 },
  { name: 'two reasoners', source: fromTraces('reasoner'), generations: 6000 },
  { name: 'the same, control share 0.5, then 0.02', source: fromTraces('reasoner'), generations: 6000, rates: [0.5, 0.02] },
]

interface Saved {
  /** Tokens of the full runs of treated generations, less those that they used. */
  readonly truth: number
  readonly estimate: SavingsEstimate | null
  /** The estimate from the length of each treated generation and the share that the threshold saves. */
  readonly byOwnLength: number
  /** Control shares and places of the threshold that were in force. */
  readonly shares: ReadonlySet<number>
  readonly places: ReadonlySet<number>
}

/** Plays generations until all have been reported. */
export function playSaved (world: World, seed: number): Saved { return new Player(world, seed).play() }

const STARTED_A_SECOND = 4

/** A generation, the draws of its unit, and the tokens that it has if it is not stopped. */
interface Running { readonly run: FullRun, readonly u: number, readonly hash: number, readonly ends: number }

interface End {
  readonly arm: Arm
  readonly tokens: number
  /** Of a stopped generation: the tokens at which it crossed, and those of its answer. */
  readonly stop?: { readonly crossing: number, readonly answer: number }
}

class Player {
  readonly #world: World
  readonly #random: Random
  readonly #queue = new EventQueue()
  readonly #fold: MemoryFold
  #lists = 0
  #truth = 0
  #byOwnLength = 0
  readonly #shares = new Set<number>()
  readonly #places = new Set<number>()

  constructor (world: World, seed: number) {
    this.#world = world
    this.#random = seededRandom(seed * 7919 + 5)
    this.#fold = memoryFold({ ...SHUFFLED, follow_up_seconds: 1800, control_rate: world.rates?.[0] ?? 'auto' }, { levels: LEVELS })
  }

  play (): Saved {
    const { generations, samples = 1, rates } = this.#world
    for (let i = 0; i < generations; i += samples) this.#queue.add(i / STARTED_A_SECOND, (now) => this.#startUnit(i, samples, now))
    if (rates !== undefined) {
      const entry = { type: 'policy', key: KEY, policy: { control_rate: rates[1] }, by: 'ops' } as const
      this.#queue.add(generations / 2 / STARTED_A_SECOND, (now) => this.#learn(entry, now))
    }
    this.#queue.run()
    return {
      truth: this.#truth,
      estimate: estimateSavings(this.#fold.state(KEY).savings.sums),
      byOwnLength: this.#byOwnLength,
      shares: this.#shares,
      places: this.#places,
    }
  }

  #learn (entry: LogEntry, now: number): void {
    this.#fold.append(entry, Math.round(now * 1000))
    const { rule: { control_share: share, index: place } } = this.#fold.state(KEY)
    this.#shares.add(share)
    this.#places.add(place)
  }

  #startUnit (number: number, samples: number, now: number): void {
    const { source, cancelled = 0 } = this.#world
    const [u, hash] = [this.#random(), this.#random()]
    const state = this.#fold.states.get(KEY)
    const [share, epoch] = [state?.rule.control_share ?? 1, state?.epoch.name ?? null]
    if (u < share) {
      const entries = [{ key: KEY, epoch, share, draws: [[u, hash]] as const }]
      this.#learn({ type: 'enrolment', boot: 'replica', number: ++this.#lists, age: 0, entries }, now)
    }
    for (let sample = 0; sample < samples; sample++) {
      const run = source(this.#random, `${number}-${sample}`)
      const ends = this.#random() < cancelled ? this.#random() * run.tokens : run.tokens
      const running = { run, u, hash, ends }
      if (drawArm(u, share) === 'control') this.#end(running, { arm: 'control', tokens: ends }, now)
      else this.#check(running, 0, now)
    }
  }

  /** The next check of a treated generation. */
  #check (running: Running, i: number, start: number): void {
    const { run: { steps }, ends } = running
    const step = steps[i]
    if (step === undefined || step.tokens >= ends) return this.#end(running, { arm: 'treated', tokens: ends }, start)
    this.#at(step.tokens, start, () => {
      const { rule: { index } } = this.#fold.state(KEY)
      if (index === -1 || step.confidence! < GRID[index]!) return this.#check(running, i + 1, start)
      this.#stop(running, step.tokens, start)
    })
  }

  #stop (running: Running, crossing: number, start: number): void {
    const { run: { tokens: full, answer_tokens: usual = 0, steps } } = running
    const answer = Math.round(usual * (this.#world.answers ?? 1))
    const overrun = this.#random() < LATE ? Math.round(this.#random() * LATEST * full / steps.length) : 0
    const thought = Math.max(crossing, Math.min(crossing + overrun, full - usual))
    this.#end(running, { arm: 'treated', tokens: thought + answer, stop: { crossing, answer } }, start)
  }

  #at (tokens: number, start: number, act: (now: number) => void): void {
    this.#queue.add(start + tokens / (this.#world.speed ?? 30), act)
  }

  #end (running: Running, end: End, start: number): void { this.#at(end.tokens, start, (now) => this.#report(running, end, now)) }

  #report ({ run, u, hash, ends }: Running, { arm, tokens, stop }: End, now: number): void {
    const { samples = 1 } = this.#world
    if (arm === 'treated') {
      const state = this.#fold.state(KEY)
      const ratio = state.rule.index === -1 ? 0 : grossSavedRatio(knownEvidence(state.evidence), state.rule.index)
      this.#truth += ends - tokens
      this.#byOwnLength += tokens * ratio / (1 - ratio)
    }
    const isCancelled = stop === undefined && ends < run.tokens
    const steps = run.steps.map(({ tokens, confidence, em }) => ({ tokens, confidence, exact_match: em! }))
    this.#learn(outcomeOf({
      generation_id: run.generation_id,
      u,
      hash,
      arm,
      context: CONTEXT,
      tokens,
      answer_tokens: stop?.answer ?? run.answer_tokens ?? 0,
      stopped: stop !== undefined,
      ...(stop && { stopped_probe: { tokens: stop.crossing, exact_match: run.em! } }),
      ...(isCancelled && { cancelled: true }),
      sample_index: samples === 1 ? null : -1,
      ...(samples > 1 && { samples }),
      full: { exact_match: run.em! },
      steps: arm === 'treated' || isCancelled ? null : steps,
    }), now)
  }
}

export const SAVED_COLUMNS = [
  'generations of', 'number', 'estimated in', 'truth inside the interval', 'mean error, %', 'its standard deviation', 'from own length, %',
]

/** A row of the table: errors of the estimates as parts of the truth. */
export function savedRow (world: World, seeds: readonly number[]): string[] {
  const runs = seeds.map((seed) => playSaved(world, seed))
  const shown = runs.filter(({ estimate }) => estimate !== null)
  const errors = shown.map(({ estimate, truth }) => estimate!.estimate / truth - 1)
  const isWithin = ({ estimate, truth }: Saved) => estimate!.low <= truth && truth <= estimate!.high
  const ofOld = shown.map(({ byOwnLength, truth }) => byOwnLength / truth - 1)
  return [
    world.name, count(world.generations), `${shown.length} of ${runs.length}`, `${shown.filter(isWithin).length}`, percent(mean(errors)),
    percent(standardError(errors) * Math.sqrt(errors.length)), percent(mean(ofOld)),
  ]
}
