import { seededRandom } from '../../src/cli/traces/seeded-random.js'
import { stepsAtCadence } from '../../src/core/certificate/trace.js'
import { contextKey } from '../../src/core/policy/context.js'
import { nextCheckTokens, type PolicyPatch } from '../../src/core/policy/policy.js'
import { simulatedService, type FullRun } from './service.js'
import { resampled } from './share.js'

// What the automatic cadence saves net of probes, learning and exploration included, against cadences set by hand.

export const HAND_SET: readonly PolicyPatch[] = ([[4, 1 / 8], [8, 0], [8, 1 / 8], [8, 1 / 2], [16, 0], [16, 1 / 4], [32, 0], [64, 0]] as const)
  .map(([check_every_tokens, check_growth]) => ({ check_every_tokens, check_growth }))

export const AUTOMATIC: PolicyPatch = { check_every_tokens: 'auto' }

/** Fractions of the tokens of the full runs; `late` is of the second half, in which the cadence is chosen and most is certified. */
export interface CadenceFigures { readonly saved: number, readonly late: number, readonly lost: number, readonly chosen: readonly string[] }

/**
 * Plays generations whose workers ask when they are told, at the recorded steps, and pay for each probe.
 * @param each generations of each context, drawn with replacement
 */
export function playCadence (
  policy: PolicyPatch, levels: readonly string[], runs: readonly FullRun[], { probe, each, seed }: { probe: number, each: number, seed: number }
): CadenceFigures {
  const service = simulatedService(`salt-${seed}`, levels, policy)
  const byContext = grouped(runs, levels)
  const streams = [...byContext.values()].map((own, i) => resampled(own, 100 * seed + i, each))
  const random = seededRandom(seed)
  const sums: Array<{ full: number, saved: number }> = [{ full: 0, saved: 0 }, { full: 0, saved: 0 }]
  let lost = 0
  for (let i = 0; i < each * streams.length; i++) {
    const run = streams[i % streams.length]!.next().value as FullRun
    const generation_id = `${run.generation_id}-${i % streams.length}-${Math.floor(random() * 1e9)}`
    const steps = askedSteps(run, service.rule(run.context!), generation_id)
    const served = service.serve({ ...run, generation_id, samples: 1, steps: steps.map((step) => ({ ...step, probe_tokens: probe })) })
    const stop = steps[served.stoppedAt]
    const half = sums[i < each * streams.length / 2 ? 0 : 1]!
    half.full += run.tokens
    half.saved += (stop === undefined ? 0 : run.tokens - stop.tokens) - probe * (stop === undefined ? steps.length : served.stoppedAt + 1)
    lost += stop === undefined ? 0 : run.em! - stop.em!
  }
  const [early, late] = sums as [typeof sums[number], typeof sums[number]]
  const chosen = [...byContext.keys()].map((key) => {
    const { check_every_tokens: every, check_growth: growth } = service.state(key)!.meaning
    return `${every}/${growth}`
  })
  return { saved: (early.saved + late.saved) / (early.full + late.full), late: late.saved / late.full, lost: lost / (each * streams.length), chosen }
}

type Cadence = Parameters<typeof nextCheckTokens>[0]

function askedSteps ({ steps }: FullRun, rule: Cadence, id: string): FullRun['steps'][number][] {
  if (rule.checkWindow === 0) return stepsAtCadence(steps, rule).steps
  const asked: FullRun['steps'][number][] = []
  let due = nextCheckTokens(rule, 0, id)
  for (const step of steps) {
    if (step.tokens < due) continue
    asked.push(step)
    due = nextCheckTokens(rule, step.tokens, id)
  }
  return asked
}

function grouped (runs: readonly FullRun[], levels: readonly string[]): Map<string, FullRun[]> {
  const groups = new Map<string, FullRun[]>()
  for (const run of runs) {
    const key = contextKey(levels, run.context!)
    groups.set(key, [...groups.get(key) ?? [], run])
  }
  return groups
}
