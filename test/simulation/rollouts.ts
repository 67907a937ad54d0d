import { normal, type Random } from '../../src/cli/traces/seeded-random.js'
import type { LogEntry } from '../../src/core/reducer/log-entry.js'
import type { Arrival } from './arrivals.js'
import { KEY, play } from './enrolment.js'
import { mean, percent, points, table } from './summary.js'

// Rollouts of a policy that is trained while the service learns: the EM drop of stopping moves with the steps of the training.

export const STEPS = 400
const STEP_SECONDS = 3
const GROUPS = 16
const SAMPLES = 4
const BOUND = 0.02
/** Steps between the checkpoints that are reported. */
const CHECKPOINT = 20

/** The EM drop of stopping at each step of one training. */
export type Training = (random: Random) => readonly number[]

const along = (drop: (step: number) => number) => Array.from({ length: STEPS }, (_, step) => drop(step))

export const TRAININGS: Readonly<Record<string, Training>> = {
  'nothing is lost': () => along(() => 0),
  'half a point is lost': () => along(() => 0.005),
  'two and a half points are lost': () => along(() => 0.025),
  'a random walk from half a point': (random) => {
    let drop = 0.005
    return along(() => (drop = Math.abs(drop + 0.0015 * normal(random))))
  },
  'responses shorten: 0 to 10 points in steps 150 to 250': () => along((step) => 0.1 * Math.min(1, Math.max(0, (step - 150) / 100))),
  'sudden over-optimisation: 15 points from step 200': () => along((step) => step < 200 ? 0 : 0.15),
  'over-optimisation for 40 steps, then repaired': () => along((step) => step < 200 || step >= 240 ? 0 : 0.15),
}

/** How checkpoints are reported. */
export const REPORTS = ['continues', 'epochs'] as const
export type Reports = typeof REPORTS[number]

export interface Trained {
  /** Share of the rollouts that were stopped. */
  readonly stopped: number
  /** Mean EM lost by stopping, over all rollouts. */
  readonly lost: number
  readonly withdrawn: number
  /** Mean drop of the training: what stopping every rollout would lose. */
  readonly always: number
}

/** @param controlRate of the policy */
export function train (training: Training, reports: Reports, controlRate: 'auto' | number, seed: number): Trained {
  let always = 0
  const { stopped, lost, changes } = play({
    traffic: (random) => {
      const drops = training(random)
      always = drops.reduce((sum, drop) => sum + drop, 0) / STEPS
      return drops.flatMap((drop, step) => rolloutsOf(random, drop, step))
    },
    policy: { evidence_span_seconds: 0, max_em_drop: BOUND, control_rate: controlRate },
    entries: checkpoints(reports),
    looksEverySecond: true,
    hasStoppedProbes: true,
    until: STEPS * STEP_SECONDS,
  }, 0, seed)
  const rollouts = STEPS * GROUPS * SAMPLES
  const withdrawn = changes.filter(({ cause }) => cause === 'drift' || cause === 'breach').length
  return { stopped: stopped / rollouts, lost: lost / rollouts, withdrawn, always }
}

/** The rollouts of a step: all start at its beginning, and long ones end last. */
function rolloutsOf (random: Random, drop: number, step: number): Arrival[] {
  return Array.from({ length: GROUPS * SAMPLES }, (_, i) => ({
    start: step * STEP_SECONDS,
    seconds: 0.5 + 2 * random(),
    isLost: random() < drop,
    group: step * GROUPS + Math.floor(i / SAMPLES),
    samples: SAMPLES,
  }))
}

function checkpoints (reports: Reports): Array<{ at: number, entry: LogEntry }> {
  return Array.from({ length: STEPS / CHECKPOINT }, (_, i) => {
    const entry = { type: 'checkpoint', key: KEY, run: 'rl', step: i * CHECKPOINT, by: 'simulation' } as const
    return { at: i * CHECKPOINT * STEP_SECONDS, entry: reports === 'continues' ? { ...entry, continues: true as const } : entry }
  })
}

/** What becomes of each training at some control shares, and with an epoch for each checkpoint. */
export function rolloutsTable (seeds: readonly number[]): string {
  const rates = [0.02, 0.2, 'auto'] as const
  const rows = Object.entries(TRAININGS).map(([name, training]) => {
    const played = rates.map((rate) => seeds.map((seed) => train(training, 'continues', rate, seed)))
    const cells = played.flatMap((runs) => {
      const above = runs.filter(({ lost }) => lost > BOUND).length / runs.length
      return [percent(mean(runs.map(({ stopped }) => stopped))), points(mean(runs.map(({ lost }) => lost))), percent(above)]
    })
    const epochs = mean(seeds.map((seed) => train(training, 'epochs', 'auto', seed).stopped))
    return [name, points(mean(played[0]!.map(({ always }) => always))), ...cells, percent(epochs)]
  })
  const head = rates.flatMap((rate) => [`stopped at ${rate} %`, 'lost, points', 'runs above the bound %'])
  return `## Rollouts: ${STEPS} steps of ${GROUPS} groups of ${SAMPLES}, bound 2 points; ${seeds.length} trainings of each kind\n` +
    table(['training', 'always stopping loses, points', ...head, 'stopped with an epoch for each checkpoint %'], rows)
}
