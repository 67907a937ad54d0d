import { numberSamples, orderByGroup } from '../../src/cli/evaluate/replay.js'
import { seededRandom } from '../../src/cli/traces/seeded-random.js'
import { contextKey, type Levels } from '../../src/core/policy/context.js'
import { DEFAULT_POLICY, type PolicyPatch } from '../../src/core/policy/policy.js'
import { askedSteps } from '../simulation/cadence.js'
import { simulatedService, type FullRun } from '../../test/simulation/service.js'
import { checksOf, type Check, type Setting } from './rules.js'

export const BOUND = DEFAULT_POLICY.max_em_drop

/** What became of a run, in all plays of it. Tokens include those of probes. */
export interface Played {
  /** Its group: runs of one prompt are not independent. */
  readonly group: string
  readonly plays: number
  readonly fullTokens: number
  readonly tokens: number
  readonly fullRight: number
  readonly right: number
}

/** An estimate with its 95 % interval. */
export interface Interval { readonly mean: number, readonly low: number, readonly high: number }

/** Fractions. */
export interface Figures {
  /** Of the tokens of the full runs, net of probes. */
  readonly saved: Interval
  readonly emFull: Interval
  readonly em: Interval
  /** EM in full less EM as stopped, paired. */
  readonly drop: Interval
}

export function figuresOf (played: readonly Played[]): Figures {
  const ofPlays = (value: (one: Played) => number) => ratio(played, value, ({ plays }) => plays)
  return {
    saved: ratio(played, ({ fullTokens, tokens }) => fullTokens - tokens, ({ fullTokens }) => fullTokens),
    emFull: ofPlays(({ fullRight }) => fullRight),
    em: ofPlays(({ right }) => right),
    drop: ofPlays(({ fullRight, right }) => fullRight - right),
  }
}

/**
 * The ratio of two sums and its interval by linearisation, with groups as clusters (Cochran 1977, Sampling Techniques, chapters 6 and 9).
 * The quantile of Student's t is approximated by z + (z^3 + z) / (4 df).
 */
function ratio (played: readonly Played[], over: (one: Played) => number, under: (one: Played) => number): Interval {
  let [value, weight] = [0, 0]
  for (const one of played) {
    value += over(one)
    weight += under(one)
  }
  const mean = value / weight
  const residuals = new Map<string, number>()
  for (const one of played) residuals.set(one.group, (residuals.get(one.group) ?? 0) + over(one) - mean * under(one))
  const df = residuals.size - 1
  const squares = [...residuals.values()].reduce((sum, residual) => sum + residual ** 2, 0)
  const error = Math.sqrt(squares * residuals.size / df) / weight
  const z = 1.96
  const half = (z + (z ** 3 + z) / (4 * df)) * error
  return { mean, low: mean - half, high: mean + half }
}

/** A run with its checks at each distance, which many settings share. */
export interface Prepared { readonly run: FullRun, readonly checks: ReadonlyMap<number, readonly Check[]> }

/** @param probeTokens tokens of a probe whose step does not state them */
export function prepare (run: FullRun, distances: readonly number[], probeTokens: number): Prepared {
  return { run, checks: new Map([0, ...distances].map((every) => [every, checksOf(run.steps, every, probeTokens)])) }
}

export function playSetting (setting: Setting, { run, checks: byDistance }: Prepared): Played {
  const checks = byDistance.get(setting.every)!
  const index = setting.stopAt(checks)
  const stop = checks[index]
  const asked = !setting.isProbing ? [] : stop === undefined ? checks : checks.slice(0, index + 1)
  return endingOf(run, stop, asked.reduce((sum, { probeTokens }) => sum + probeTokens, 0))
}

/** A stopped run still writes its answer, which is the one that was forced at the stop. */
function endingOf (run: FullRun, stop: { readonly tokens: number, readonly em?: number } | undefined, probes: number): Played {
  const decoded = stop === undefined ? run.tokens : Math.min(stop.tokens + (run.answer_tokens ?? 0), run.tokens)
  return { group: groupOf(run), plays: 1, fullTokens: run.tokens, tokens: decoded + probes, fullRight: run.em!, right: stop?.em ?? run.em! }
}

const groupOf = ({ group_id, generation_id }: FullRun): string => group_id ?? generation_id

/** In how many of several orders or splits more than the bound was lost. */
export interface Orders { readonly broken: number, readonly of: number }

/** Sums by run over orders, in the order of the runs; and the EM that each part of the runs lost in each order. */
export interface Plays { readonly played: readonly Played[], readonly lost: ReadonlyArray<ReadonlyMap<string, number>> }

/** All plays, and those in the second half of their order. */
export interface Service { readonly all: Plays, readonly late: Plays }

export interface Playing {
  readonly runs: readonly FullRun[]
  /** The contexts of the service. */
  readonly levels: Levels
  readonly policy: PolicyPatch
  /** Tokens of a probe whose step does not state them. */
  readonly probeTokens: number
}

/**
 * Plays all runs once in each of several random orders, with the real decisions and the real learner, which starts without evidence each
 * time. Workers ask when they are told, at the recorded steps.
 */
export function playService (
  { runs, levels, policy, probeTokens }: Playing, seeds: readonly number[], partOf: (run: FullRun) => string
): Service {
  const fresh = () => ({
    played: new Map(runs.map((run) => [run.generation_id, { ...NOT_PLAYED, group: groupOf(run) }])),
    lost: [] as Map<string, number>[],
  })
  const [all, late] = [fresh(), fresh()]
  const keyed = runs.map((outcome) => ({ outcome, key: contextKey(levels, outcome.context!) }))
  for (const seed of seeds) {
    const service = simulatedService(`salt-${seed}`, levels, policy)
    const ordered = numberSamples(orderByGroup(seededRandom(seed), keyed), ({ key }) => key)
    const parts = [all, late].map((plays) => ({ plays, sums: new Map<string, { lost: number, runs: number }>() }))
    for (const [i, { outcome: run }] of ordered.entries()) {
      const asked = askedSteps(run, service.rule(run.context!))
      const steps = asked.map(({ answer: _, ...step }) => ({ ...step, probe_tokens: step.probe_tokens ?? probeTokens })) // em says it
      const { stoppedAt, checks } = service.serve({ ...run, steps })
      const probes = steps.slice(0, checks).reduce((sum, { probe_tokens: tokens }) => sum + tokens, 0)
      const ending = endingOf(run, steps[stoppedAt], probes)
      for (const { plays, sums } of i >= ordered.length / 2 ? parts : parts.slice(0, 1)) {
        addPlay(plays.played.get(run.generation_id)!, ending)
        const sum = sums.get(partOf(run)) ?? { lost: 0, runs: 0 }
        sums.set(partOf(run), { lost: sum.lost + ending.fullRight - ending.right, runs: sum.runs + 1 })
      }
    }
    for (const { plays, sums } of parts) plays.lost.push(new Map([...sums].map(([part, sum]) => [part, sum.lost / sum.runs])))
  }
  const listed = ({ played, lost }: typeof all): Plays => ({ played: [...played.values()], lost })
  return { all: listed(all), late: listed(late) }
}

const NOT_PLAYED = { plays: 0, fullTokens: 0, tokens: 0, fullRight: 0, right: 0 }

/** Adds a play to a sum, in place. */
export function addPlay (sum: { -readonly [Field in keyof Played]: Played[Field] }, one: Played): void {
  for (const field of Object.keys(NOT_PLAYED) as Array<keyof typeof NOT_PLAYED>) sum[field] += one[field]
}
