import { normal, seededRandom, type Random } from '../../src/cli/traces/seeded-random.js'
import { CONTROL_FLOOR } from '../../src/core/decide/arm.js'
import type { Unlikely } from '../../src/core/learn/learned-rule.js'
import type { PolicyPatch } from '../../src/core/policy/policy.js'
import { askedSteps, BY_DEFAULT } from './cadence.js'
import { type FullRun, simulatedService } from '../../test/simulation/service.js'
import { CONTEXT, KEY, LEVELS } from '../../test/simulation/stream.js'
import { count, mean, median, percent, table } from './summary.js'

// The tokens that learning spends on probes, and when certificates come, with the budget of `max_probe_overhead` and without.

/** Distance of the checks, tokens; and the median number of checks of a full run, of which 90 % lie within a factor of 2. */
const EVERY = 32
const MEDIAN_CHECKS = 16
const ANSWER = 12

/** A context in which every threshold stops at the same check. */
export interface ProbedWorld {
  /** Chance that the answer of a stop is wrong though the full one is right. */
  readonly lost: number
  /** Chance that it is right though the full one is wrong. */
  readonly gained?: number
  /** Part of the checks of a full run up to the one that stops; 1: the last. */
  readonly stopsAt: number
}

/** @param cost tokens of a probe */
function generate (random: Random, { lost, gained = 0, stopsAt }: ProbedWorld, cost: number, id: string): FullRun {
  const checks = Math.max(1, Math.round(MEDIAN_CHECKS * Math.exp(0.42 * normal(random))))
  const place = Math.ceil(stopsAt * checks)
  const luck = random()
  const usual = random() < 0.7 ? 1 : 0
  const [full, stopped] = luck < lost ? [1, 0] as const : luck < lost + gained ? [0, 1] as const : [usual, usual] as const
  const steps = Array.from({ length: checks }, (_, i) => ({
    tokens: EVERY * (i + 1), confidence: i + 1 < place ? 0 : 1, em: i + 1 < place ? 0 as const : stopped, probe_tokens: cost,
  }))
  const tokens = EVERY * checks + Math.floor(random() * EVERY) + ANSWER
  return { generation_id: id, context: CONTEXT, tokens, answer_tokens: ANSWER, em: full, steps }
}

export interface Overhead {
  /** Tokens of probes over the tokens of full runs. */
  readonly overhead: number
  /** Generations up to the first certificate; Infinity: it did not come. */
  readonly certifiedAt: number
  /** Generations with the control share at its floor and no threshold in force. */
  readonly atFloor: number
  /** Why nothing is likely to be certified at the end. */
  readonly unlikely: Unlikely | null
}

/** How long a context is played. */
interface Length {
  readonly generations: number
  readonly endsWithCertificate?: boolean
}

/** Plays generations one after another. */
export function playProbes (
  world: ProbedWorld, cost: number, policy: PolicyPatch, seed: number, { generations, endsWithCertificate: isShort = false }: Length
): Overhead {
  const service = simulatedService(`overhead-${seed}`, LEVELS, policy)
  const random = seededRandom(seed)
  let [tokens, probes, atFloor, certifiedAt] = [0, 0, 0, Infinity]
  for (let i = 0; i < generations; i++) {
    const { threshold, controlShare } = service.rule(CONTEXT)
    if (threshold !== null && certifiedAt === Infinity) certifiedAt = i
    if (isShort && certifiedAt < Infinity) break
    if (threshold === null && controlShare === CONTROL_FLOOR) atFloor++
    const inFull = generate(random, world, cost, `overhead-${seed}-${i}`)
    const run = { ...inFull, steps: askedSteps(inFull, service.rule(CONTEXT)) }
    probes += cost * service.serve(run).checks
    tokens += run.tokens
  }
  return { overhead: probes / tokens, certifiedAt, atFloor, unlikely: service.state(KEY)!.rule.unlikely }
}

/** Without a budget. */
export const UNLIMITED: PolicyPatch = { max_probe_overhead: 1 }

const COSTS = [1, 4, 16] as const
const LONG = 20_000

/** Part of the checks after which every threshold stops, where nothing else is said: it saves two fifths of the tokens. */
const USUAL = 0.6

const HOPELESS: ReadonlyArray<readonly [name: string, world: ProbedWorld]> = [
  ['stops lose 4 points, twice the bound', { lost: 0.04, stopsAt: USUAL }],
  ['stops lose 9 points', { lost: 0.09, stopsAt: USUAL }],
  ['stops lose 2.5 points', { lost: 0.025, stopsAt: USUAL }],
  ['stops lose nothing, and save less than probes cost', { lost: 0, stopsAt: 1 }],
]

function spentBy (played: readonly Overhead[]): string {
  const parts = played.map(({ overhead }) => overhead)
  return `${percent(mean(parts))} (${percent(Math.max(...parts))})`
}

/** EM drops as parts of the bound of 2 points. */
const DROPS = [0.5, 0.6, 0.75, 0.9] as const

export function overheadTables (seeds: readonly number[]): string {
  const hopeless = HOPELESS.flatMap(([name, world]) => COSTS.map((cost) => {
    const limited = seeds.map((seed) => playProbes(world, cost, {}, seed, { generations: LONG }))
    const unlimited = playProbes(world, cost, UNLIMITED, 1, { generations: 1000 }) // each generation costs the same
    const byDefault = seeds.map((seed) => playProbes(world, cost, BY_DEFAULT, seed, { generations: LONG }))
    return [name, `${cost}`, percent(unlimited.overhead), spentBy(limited), reasonsOf(limited), spentBy(byDefault), reasonsOf(byDefault)]
  }))
  const length = { generations: LONG, endsWithCertificate: true }
  const late = DROPS.flatMap((part) => {
    const world = { lost: 0.02 * part, stopsAt: USUAL }
    const play = (policy: PolicyPatch, cost: number) => seeds.map((seed) => playProbes(world, cost, policy, seed, length))
    const unlimited = play(UNLIMITED, 1).map(({ certifiedAt }) => certifiedAt) // whatever a probe costs
    return COSTS.map((cost) => {
      const limited = play({}, cost)
      const at = limited.map(({ certifiedAt }) => certifiedAt)
      const lateness = at.flatMap((when, i) => Number.isFinite(unlimited[i]) ? [when / unlimited[i]!] : [])
      const prompt = lateness.filter((ratio) => ratio <= 1.25).length
      const byDefault = play(BY_DEFAULT, cost).map(({ certifiedAt }) => certifiedAt)
      return [`${part} of the bound`, `${cost}`, generationsTo(unlimited), generationsTo(at), `${prompt} of ${lateness.length}`, generationsTo(byDefault)]
    })
  })
  return [
    `## Nothing can be certified: tokens of probes, % of the tokens of ${count(LONG)} generations, mean (largest of ${seeds.length} seeds)`,
    table(['context', 'tokens of a probe', 'without a budget', 'with it', 'reason at the end', 'default cadence', 'reason at the end'], hopeless),
    '',
    `## The first certificate, ${seeds.length} seeds of at most ${count(LONG)} generations`,
    table(['EM drop', 'tokens of a probe', 'without a budget, median', 'with it', 'at most a quarter later', 'default cadence'], late),
  ].join('\n')
}

function generationsTo (certificates: readonly number[]): string {
  const middle = median(certificates)
  const came = certificates.filter(Number.isFinite).length
  return `${Number.isFinite(middle) ? count(middle) : 'never'} (${came} of ${certificates.length})`
}

function reasonsOf (played: readonly Overhead[]): string {
  const counts = new Map<string, number>()
  for (const { unlikely } of played) counts.set(unlikely ?? 'none', (counts.get(unlikely ?? 'none') ?? 0) + 1)
  return [...counts].sort(([, a], [, b]) => b - a).map(([reason, times]) => counts.size === 1 ? reason : `${reason} (${times})`).join(', ')
}
