import { numberSamples, orderByGroup } from '../../src/cli/evaluate/replay.js'
import { seededRandom } from '../../src/cli/traces/seeded-random.js'
import { type Profile, PROFILES } from '../../src/cli/traces/simulated-generation.js'
import { contextKey, type Levels } from '../../src/core/policy/context.js'
import { DEFAULT_POLICY, nextCheckTokens, type PolicyPatch } from '../../src/core/policy/policy.js'
import { simulatedService, type FullRun } from '../../test/simulation/service.js'
import { readTraceRuns, resampled } from './share.js'
import { generate } from '../../test/simulation/stream.js'
import type { TraceFile } from '../../test/test-data.js'

// What the default cadence saves net of probes, learning included, against all cadences set by hand.

const DISTANCES = [4, 8, 16, 32, 64, 128, 256]
const GROWTHS = [0, 1 / 8, 1 / 4, 1 / 2]

export const HAND_SET =
  DISTANCES.flatMap((check_every_tokens) => GROWTHS.map((check_growth) => ({ check_every_tokens, check_growth })))

/** The cadence by default. Elsewhere simulations ask every 32 tokens. */
export const BY_DEFAULT = { check_every_tokens: DEFAULT_POLICY.check_every_tokens, check_growth: DEFAULT_POLICY.check_growth }

/** Generations to be played, by context. */
interface World {
  readonly name: string
  readonly levels: readonly string[]
  readonly contexts: number
  /** Least tokens between two steps: shorter distances are the same. */
  readonly shortest: number
  /** Of each context. */
  readonly each: number
  readonly runs: (context: number, seed: number, count: number) => Iterable<FullRun>
}

/** A profile at a smaller distance of steps, so that every cadence shows in them. */
function refined (profile: Profile, parts: number): Profile {
  const { everyTokens, medianSteps, step: { drift, deviation } } = profile
  const step = { drift: drift / parts, deviation: deviation / Math.sqrt(parts) }
  return { ...profile, everyTokens: everyTokens / parts, medianSteps: medianSteps * parts, step }
}

const [STEADY, BOLD, CHOICES] = PROFILES.map((profile) => refined(profile, 4)) as [Profile, Profile, Profile]

const SIMULATED: ReadonlyArray<readonly [name: string, profile: Profile]> = [
  ['steady', STEADY],
  ['overconfident', BOLD],
  ['multiple choice', CHOICES],
  ['long', { ...refined(PROFILES[0]!, 2), medianSteps: 120, start: { mean: -1, deviation: 1.5 }, step: { drift: 0.06, deviation: 0.12 } }],
  ['noisy', { ...STEADY, medianSteps: 32, step: { drift: 0.15, deviation: 0.2 }, confidence: { scale: 1, shift: 0, noise: 1 } }],
]

function * runsOf (profile: Profile, name: string, seed: number, count: number): Generator<FullRun> {
  const random = seededRandom(seed)
  for (let i = 0; i < count; i++) yield generate(random, profile, `${name}-${seed}-${i}`, { task: name }).run
}

function ofTraces (name: string, file: 'reasoner' | 'frontier-self-consistency', levels: readonly string[], shortest: number): World {
  const groups = new Map<string, FullRun[]>()
  for (const run of readTraceRuns(file, levels)) {
    const key = contextKey(levels, run.context!)
    groups.set(key, [...groups.get(key) ?? [], run])
  }
  const own = [...groups.values()]
  return { name, levels, contexts: own.length, shortest, each: 2000, runs: (context, seed, count) => resampled(own[context]!, seed, count) }
}

/** The traces are read when they are played. */
export const CADENCE_WORLDS: ReadonlyArray<() => World> = [
  () => ofTraces('reasoners', 'reasoner', ['model', 'task'], 4),
  () => ofTraces('frontier', 'frontier-self-consistency', ['task'], 256),
  ...SIMULATED.map(([name, profile]) => (): World => ({
    name, levels: ['task'], contexts: 1, shortest: profile.everyTokens, each: 2000, runs: (_, seed, count) => runsOf(profile, name, seed, count),
  })),
]

/** Fractions of the tokens of the full runs, and the net EM lost; `late` is of the second half of the generations. */
export interface CadenceFigures { readonly saved: number, readonly late: number, readonly lost: number }

/** Plays generations whose workers ask when they are told, at the recorded steps, and pay for each probe. */
export function playCadence (policy: PolicyPatch, world: World, probe: number, seed: number): CadenceFigures {
  const { levels, contexts, each } = world
  const total = { full: 0, saved: 0, lost: 0 }
  const late = { full: 0, saved: 0 }
  for (let context = 0; context < contexts; context++) {
    const service = simulatedService(`salt-${seed}`, levels, policy)
    let played = 0
    for (const run of world.runs(context, 100 * seed + context, each)) {
      const steps = askedSteps(run, service.rule(run.context!)).map((step) => ({ ...step, probe_tokens: probe }))
      const { stoppedAt, checks } = service.serve({ ...run, samples: 1, steps })
      const stop = steps[stoppedAt]
      const stopped = stop === undefined ? 0 : Math.max(0, run.tokens - stop.tokens - (run.answer_tokens ?? 0))
      const saved = stopped - probe * checks
      for (const sum of ++played > each / 2 ? [total, late] : [total]) {
        sum.full += run.tokens
        sum.saved += saved
      }
      total.lost += stop === undefined ? 0 : run.em! - stop.em!
    }
  }
  return { saved: total.saved / total.full, late: late.saved / late.full, lost: total.lost / (each * contexts) }
}

/** Real traces that are played once, groups in random order, as workers ask them. */
export interface TraceWorld {
  readonly name: string
  readonly file: TraceFile
  readonly levels: Levels
  readonly policy: PolicyPatch
  /** As in `World`. */
  readonly shortest: number
}

export const TRACE_WORLDS: readonly TraceWorld[] = [
  { name: 'frontier models, `task`', file: 'frontier-self-consistency', levels: ['task'], policy: {}, shortest: 256 },
  { name: 'older models, `task`', file: 'older-self-consistency', levels: ['task'], policy: {}, shortest: 256 },
  { name: 'two reasoners, `model,task`', file: 'reasoner', levels: ['model', 'task'], policy: {}, shortest: 4 },
  { name: 'two reasoners in pools by model', file: 'reasoner', levels: ['model', 'task'], policy: { certify_at: 'model' }, shortest: 4 },
]

/** @param runs of the world's file; @returns fractions of the tokens saved net of probes, and of the EM lost */
export function playTraces (
  cadence: PolicyPatch, { levels, policy }: TraceWorld, runs: readonly FullRun[], probe: number, seed: number
): { readonly saved: number, readonly lost: number } {
  const service = simulatedService(`salt-${seed}`, levels, { ...policy, ...cadence })
  const keyed = runs.map((outcome) => ({ outcome, key: contextKey(levels, outcome.context!) }))
  let [full, saved, lost] = [0, 0, 0]
  for (const { outcome: run } of numberSamples(orderByGroup(seededRandom(seed), keyed), ({ key }) => key)) {
    const steps = askedSteps(run, service.rule(run.context!)).map((step) => ({ ...step, probe_tokens: probe }))
    const { stoppedAt, checks } = service.serve({ ...run, steps })
    const stop = steps[stoppedAt]
    full += run.tokens
    saved += (stop === undefined ? 0 : Math.max(0, run.tokens - stop.tokens - (run.answer_tokens ?? 0))) - probe * checks
    lost += stop === undefined ? 0 : run.em! - stop.em!
  }
  return { saved: saved / full, lost: lost / runs.length }
}

type Cadence = Parameters<typeof nextCheckTokens>[0]

/** The steps at which a worker asks that obeys. */
export function askedSteps ({ steps }: FullRun, rule: Cadence): FullRun['steps'][number][] {
  const asked: FullRun['steps'][number][] = []
  let due = nextCheckTokens(rule, 0)
  for (const step of steps) {
    if (step.tokens < due) continue
    asked.push(step)
    due = nextCheckTokens(rule, step.tokens)
  }
  return asked
}
