import { normal, type Random } from '../../src/cli/traces/seeded-random.js'
import type { LogEntry } from '../../src/core/learn/log-entry.js'
import type { Arrival } from '../../test/simulation/arrivals.js'
import { KEY, play } from '../../test/simulation/enrolment.js'
import { mean, percent, points, table } from './summary.js'

// Rollouts of a policy that is trained while the service learns: the EM drop of stopping moves with the steps of the training.

export const STEPS = 400
const STEP_SECONDS = 3
const GROUPS = 16
const SAMPLES = 4
const BOUND = 0.02
/** Steps between the checkpoints that are reported. */
const CHECKPOINT = 20

/** Tokens of a rollout in full at the beginning of a training. A stop saves half of them. */
const TOKENS = 1000
const SAVED_BY_STOP = 0.5

/** A step of a training: the EM drop of stopping its rollouts, and their tokens in full. */
interface Step { readonly drop: number, readonly tokens: number }

/** The steps of one training. */
export type Training = (random: Random) => readonly Step[]

const along = (drop: (step: number) => number, tokens: (step: number) => number = () => TOKENS) =>
  Array.from({ length: STEPS }, (_, step): Step => ({ drop: drop(step), tokens: tokens(step) }))

/** How far a change in steps 150 to 250 has come. */
const progress = (step: number) => Math.min(1, Math.max(0, (step - 150) / 100))

export const TRAININGS: Readonly<Record<string, Training>> = {
  'nothing is lost': () => along(() => 0),
  'half a point is lost': () => along(() => 0.005),
  'two and a half points are lost': () => along(() => 0.025),
  'a random walk from half a point': (random) => {
    let drop = 0.005
    return along(() => (drop = Math.abs(drop + 0.0015 * normal(random))))
  },
  'responses shorten to two fifths: 0 to 10 points in steps 150 to 250': () => along((step) => 0.1 * progress(step), (step) => TOKENS * (1 - 0.6 * progress(step))),
  'sudden over-optimisation: 15 points from step 200': () => along((step) => step < 200 ? 0 : 0.15),
  'over-optimisation for 40 steps, then repaired': () => along((step) => step < 200 || step >= 240 ? 0 : 0.15),
}

/** How checkpoints are reported. */
export const REPORTS = ['continues', 'epochs'] as const
export type Reports = typeof REPORTS[number]

export interface Trained {
  /** Share of the rollouts that were stopped. */
  readonly stopped: number
  /** Share of all tokens saved, without the cost of probes. */
  readonly saved: number
  /** Mean EM lost by stopping, over all rollouts. */
  readonly lost: number
  /** How often a threshold was withdrawn. */
  readonly withdrawn: number
  /** Whether a threshold was certified although stopping had lost more than the bound in each stretch until then. */
  readonly hasFalseCertificate: boolean
  /** Mean drop of the training: what stopping every rollout would lose. */
  readonly always: number
}

/** @param controlRate of the policy */
export function train (training: Training, reports: Reports, controlRate: 'auto' | number, seed: number): Trained {
  let steps: readonly Step[] = []
  const { stopped, lost, stoppedTokens, changes } = play({
    traffic: (random) => {
      steps = training(random)
      return steps.flatMap((step, number) => rolloutsOf(random, step, number))
    },
    policy: { evidence_span_seconds: 0, max_em_drop: BOUND, control_rate: controlRate },
    entries: checkpoints(reports),
    looksEverySecond: true,
    hasStoppedProbes: true,
    until: STEPS * STEP_SECONDS,
  }, 0, seed)
  const rollouts = STEPS * GROUPS * SAMPLES
  const isFalseAt = (at: number) => leastDropUntil(steps.slice(0, Math.ceil(at / STEP_SECONDS))) > BOUND
  return {
    stopped: stopped / rollouts,
    saved: SAVED_BY_STOP * stoppedTokens / (GROUPS * SAMPLES * steps.reduce((sum, { tokens }) => sum + tokens, 0)),
    lost: lost / rollouts,
    withdrawn: changes.filter(({ cause }) => cause === 'drift' || cause === 'breach').length,
    hasFalseCertificate: changes.some(({ cause, at }) => cause === 'evidence' && isFalseAt(at)),
    always: meanDrop(steps),
  }
}

const meanDrop = (steps: readonly Step[]): number => mean(steps.map(({ drop }) => drop))

/** The least mean drop since any step: evidence may begin anywhere, and a certificate is about the time since its beginning. */
const leastDropUntil = (steps: readonly Step[]): number => Math.min(...steps.map((_, since) => meanDrop(steps.slice(since))))

/** The rollouts of a step: all start at its beginning, and long ones end last. */
function rolloutsOf (random: Random, { drop, tokens }: Step, step: number): Arrival[] {
  return Array.from({ length: GROUPS * SAMPLES }, (_, i) => ({
    start: step * STEP_SECONDS,
    seconds: 0.5 + 2 * random(),
    isLost: random() < drop,
    group: step * GROUPS + Math.floor(i / SAMPLES),
    samples: SAMPLES,
    tokens,
  }))
}

function checkpoints (reports: Reports): Array<{ at: number, entry: LogEntry }> {
  return Array.from({ length: STEPS / CHECKPOINT }, (_, i) => {
    const entry = { type: 'checkpoint', key: KEY, run: 'rl', step: i * CHECKPOINT, by: 'simulation' } as const
    return { at: i * CHECKPOINT * STEP_SECONDS, entry: reports === 'continues' ? { ...entry, continues: true as const } : entry }
  })
}

/** The result of each training at some control shares, and the savings beside an epoch for each checkpoint and a fixed threshold. */
export function rolloutsTable (seeds: readonly number[]): string {
  const rates = [0.02, 0.2, 'auto'] as const
  const played = Object.entries(TRAININGS).map(([name, training]) => {
    const all = (reports: Reports, rate: typeof rates[number]) => seeds.map((seed) => train(training, reports, rate, seed))
    return { name, runs: rates.map((rate) => all('continues', rate)), epochs: all('epochs', 'auto') }
  })
  const share = (runs: readonly Trained[], is: (one: Trained) => boolean) => percent(runs.filter(is).length / runs.length)
  const shares = played.map(({ name, runs }) => [
    name, points(mean(runs[0]!.map(({ always }) => always))),
    ...runs.flatMap((each) => [
      percent(mean(each.map(({ stopped }) => stopped))), points(mean(each.map(({ lost }) => lost))),
      share(each, ({ lost }) => lost > BOUND),
    ]),
  ])
  const head = rates.flatMap((rate) => [`stopped at ${rate} %`, 'lost, points', 'runs above the bound %'])
  const savings = played.map(({ name, runs, epochs }) => {
    const auto = runs.at(-1)!
    const saved = (each: readonly Trained[]) => percent(mean(each.map((one) => one.saved)))
    return [
      name, saved(auto), share(auto, (one) => one.hasFalseCertificate), mean(auto.map(({ withdrawn }) => withdrawn)).toFixed(1),
      saved(epochs), percent(SAVED_BY_STOP * mean(auto.map(({ always }) => always <= BOUND ? 1 : 0))),
    ]
  })
  return `## Rollouts: ${STEPS} steps of ${GROUPS} groups of ${SAMPLES}, bound 2 points; ${seeds.length} trainings of each kind\n` +
    table(['training', 'always stopping loses, points', ...head], shares) + '\n\n' +
    table(['training, with auto', 'saved %', 'with a false certificate %', 'withdrawn, times', 'with an epoch for each checkpoint: saved %', 'fixed in hindsight: saved %'], savings)
}
