import type { PolicyPatch } from '../../src/core/policy/policy.js'
import { BY_DEFAULT, CADENCE_WORLDS, type CadenceFigures, HAND_SET, playCadence, playTraces, TRACE_WORLDS, type TraceWorld } from './cadence.js'
import { readTraceRuns } from './share.js'
import { mean, percent, points, standardError, table } from './summary.js'

const COSTS = [1, 4, 16] as const

/** Seeds by which the best cadence set by hand is found. */
const SEARCHED = 2

/** The default cadence against the best of all, with knowledge of the very runs that both are judged by. */
export function cadenceTable (seeds: readonly number[]): string {
  const rows = CADENCE_WORLDS.flatMap((worldOf) => {
    const world = worldOf()
    const byHand = HAND_SET.filter(({ check_every_tokens: every }) => every >= world.shortest)
    return COSTS.map((probe) => {
      const played = (policy: PolicyPatch) => seeds.map((seed) => playCadence(policy, world, probe, seed))
      const savedBy = (figures: readonly CadenceFigures[]) => mean(figures.map(({ saved }) => saved))
      const best = byHand.map((policy) => ({ policy, saved: savedBy(played(policy)) })).reduce((a, b) => b.saved > a.saved ? b : a)
      const byDefault = played(BY_DEFAULT)
      const { check_every_tokens: every, check_growth: growth } = best.policy
      return [
        world.name, `${probe}`, percent(savedBy(byDefault)), percent(best.saved), `${every}, ${growth}`,
        percent(mean(byDefault.map(({ late }) => late))), points(mean(byDefault.map(({ lost }) => lost))),
      ]
    })
  })
  return [`## The cadence, ${seeds.length} seeds: tokens saved net, %, learning included`, table(
    ['generations', 'tokens of a probe', 'by default', 'best set by hand', 'that is, tokens and growth', 'by default, second half', 'EM lost, points'],
    rows)].join('\n')
}

/** Savings on real traces that are played once, with the defaults and with the best cadence set by hand. */
export function defaultsTable (seeds: readonly number[]): string {
  const rows = TRACE_WORLDS.flatMap((world) => COSTS.map((probe) => rowOf(world, probe, seeds)))
  return [`## Tokens saved net of probes on real traces, each played once, ${seeds.length} seeds, %`, table(
    ['traces, levels', 'tokens of a probe', 'by default', 'without a budget', 'best cadence set by hand', 'that is, tokens and growth', 'EM lost by default, points'], rows)].join('\n')
}

function rowOf (world: TraceWorld, probe: number, seeds: readonly number[]): string[] {
  const runs = readTraceRuns(world.file, world.levels)
  const play = (cadence: PolicyPatch, some: readonly number[]) => some.map((seed) => playTraces(cadence, world, runs, probe, seed))
  const savedBy = (figures: ReturnType<typeof play>) => figures.map(({ saved }) => saved)
  const byHand = HAND_SET.filter(({ check_every_tokens: every }) => every >= world.shortest)
  const searched = world.shortest === 256 ? byHand.slice(0, 1) : byHand // steps are further apart than any distance
  const found = searched.map((policy) => ({ policy, saved: mean(savedBy(play(policy, seeds.slice(0, SEARCHED)))) }))
  const { policy: best } = found.reduce((a, b) => b.saved > a.saved ? b : a)
  const [byDefault, hand] = [play(BY_DEFAULT, seeds), savedBy(play(best, seeds))]
  const unlimited = savedBy(play({ ...BY_DEFAULT, max_probe_overhead: 1 }, seeds))
  const cell = (saved: readonly number[]) => `${percent(mean(saved))} ± ${percent(standardError(saved))}`
  const that = world.shortest === 256 ? 'any' : `${best.check_every_tokens}, ${best.check_growth}`
  return [world.name, `${probe}`, cell(savedBy(byDefault)), cell(unlimited), cell(hand), that, points(mean(byDefault.map(({ lost }) => lost)))]
}
