import { FORECAST_LIMIT, generationsToReach, stepsAtCadence, stopsOf, type Trace } from '../../core/stats/index.js'
import { gatheredUnits } from '../../core/evidence/index.js'
import { GRID } from '../../core/decide/index.js'
import { distanceForProbes } from '../../core/learn/index.js'
import { type Cadence, DEFAULT_POLICY } from '../../core/policy/index.js'
import { mostFrequent } from '../../proxy/probe-form/choose-form.js'
import type { RecordedRun } from '../traces/recorded-run.js'
import { normal, type Random } from '../traces/seeded-random.js'
import { byPrompt, type SelfAgreement, selfAgreementOf } from './self-agreement.js'

/**
 * Estimates from full runs what the service would save in a context. The unit is a prompt: samples of one prompt are not independent.
 *
 * The uncertainty is that of a Bayesian bootstrap: each draw gives the prompts random weights (Rubin 1981), and counts one of them as lost
 * wherever it could be stopped, with the weight of half a prompt. Without that pseudo-loss, a few dozen prompts without a loss would seem
 * to prove that there is none; with it, the loss rate is distributed as with Jeffreys' prior.
 */

/** The middle and the ends of an interval that holds with a probability of 90 %. */
export interface Interval { readonly estimate: number, readonly low: number, readonly high: number }

interface EstimatePlan {
  readonly maxEmDrop: number
  readonly errorLevel: number
  /** Generations of the context per second; `null`: unknown. */
  readonly perSecond: number | null
  /** Generations before the first evidence: those of the search for a probe form. */
  readonly formGenerations: number
  readonly random: Random
}

/** Why nothing is likely to be saved: stopping loses too many answers, probes cost what stops save, or stops would come too late. */
export type Obstacle = 'accuracy' | 'probe_cost' | 'length'

export interface ContextEstimate {
  readonly context: string
  readonly generations: number
  readonly prompts: number
  readonly label: 'exact_match' | 'agreement'
  /** Mean tokens of a full run. */
  readonly tokens: number
  /** The cadence of the service by default: its distance follows from the tokens of a probe. */
  readonly cadence: { readonly check_every_tokens: number, readonly check_growth: number }
  /** Mean tokens of a probe, and those of the probes of a full run as a part of its tokens. */
  readonly probe_tokens: number
  readonly probe_ratio: Interval
  /** Part of the tokens that the certified threshold saves in the end: net of the probes up to the stop, and without them. */
  readonly saved_ratio: Interval
  readonly saved_gross_ratio: Interval
  /** Probability that at least one percent is saved. */
  readonly chance: number
  /** EM lost at the threshold that most probably serves; `null`: none saves. */
  readonly em_drop: Interval | null
  /** The largest EM drop that so many prompts would not show at all, in one case of twenty. */
  readonly unseen_em_drop: number
  readonly first_certificate: FirstCertificate
  readonly self_agreement: SelfAgreement | null
  /** `null`: something is likely to be saved. */
  readonly obstacle: Obstacle | null
  /** Draws of `saved_ratio`. */
  readonly draws: readonly number[]
}

export interface FirstCertificate {
  /** Generations and seconds until it, where one comes; `null`: none does, or the traffic is unknown. */
  readonly generations: Interval | null
  readonly seconds: Interval | null
  /** Generations within which it must come to count. */
  readonly horizon: number
  /** Probability that it comes within the horizon. */
  readonly chance: number
}

const DRAWS = 400
/** Savings below this part of the tokens are not worth an installation. */
export const WORTHWHILE = 0.01
/** Generations, or time at a known traffic, after which a first certificate comes too late. */
const HORIZON_GENERATIONS = 10_000
const HORIZON_SECONDS = 30 * 86_400

/** @param runs full runs of one context, at least one */
export function estimateContext (context: string, runs: readonly RecordedRun[], plan: EstimatePlan): ContextEstimate {
  const { perSecond, formGenerations } = plan
  const traceOfRun = new Map(runs.map((run) => [run, traceOf(run)]))
  const traces = [...traceOfRun.values()]
  const tokens = traces.reduce((sum, trace) => sum + trace.tokens, 0) / traces.length
  const probeTokens = meanProbe(traces)
  const cadence: Cadence = { checkEveryTokens: distanceForProbes(probeTokens), checkGrowth: DEFAULT_POLICY.check_growth, minTokens: 0 }
  const units = [...byPrompt(runs).values()].map((own) => unitOf(own.map((run) => traceOfRun.get(run)!), cadence))
  const samples = runs.length / units.length
  const horizon =
    perSecond === null ? HORIZON_GENERATIONS : Math.min(FORECAST_LIMIT, Math.floor(perSecond * HORIZON_SECONDS))
  const draws = Array.from({ length: DRAWS }, () => draw(units, plan, Math.max(0, horizon - formGenerations) / samples))
  const certified = draws.filter(({ first }) => first !== null)
  const generationsOf = (units: number) => formGenerations + samples * units
  const secondsOf = (units: number) => Math.max(generationsOf(units) / perSecond!, secondsToGather(units, plan))
  const firsts = certified.map(({ first }) => first!)
  const isHardlyAsked = cadence.checkEveryTokens >= tokens // since probes are so long
  const serving = mostFrequent(certified.map(({ best }) => best)) ?? null
  return {
    context,
    generations: runs.length,
    prompts: units.length,
    label: runs.some(({ isByAgreement }) => isByAgreement) ? 'agreement' : 'exact_match',
    tokens,
    cadence: { check_every_tokens: cadence.checkEveryTokens, check_growth: cadence.checkGrowth },
    probe_tokens: probeTokens,
    probe_ratio: intervalOf(draws.map(({ unstopped }) => unstopped)),
    saved_ratio: intervalOf(draws.map(({ saved }) => saved)),
    saved_gross_ratio: intervalOf(draws.map(({ gross }) => gross)),
    chance: shareOf(draws, ({ saved }) => saved >= WORTHWHILE),
    em_drop: serving === null ? null : intervalOf(draws.map(({ drops }) => drops[serving]!), 'median'),
    unseen_em_drop: 1 - 0.05 ** (1 / units.length),
    first_certificate: {
      generations: firsts.length === 0 ? null : intervalOf(firsts.map(generationsOf), 'median'),
      seconds: firsts.length === 0 || perSecond === null ? null : intervalOf(firsts.map(secondsOf), 'median'),
      horizon,
      chance: firsts.length / DRAWS,
    },
    self_agreement: selfAgreementOf(runs),
    obstacle: shareOf(draws, ({ saved }) => saved >= WORTHWHILE) >= 0.5 ? null : isHardlyAsked ? 'probe_cost' : obstacleOf(draws),
    draws: draws.map(({ saved }) => saved),
  }
}

function traceOf ({ tokens, answerTokens, em, steps, probeTokens }: RecordedRun): Trace {
  return {
    tokens,
    answerTokens,
    em,
    isComplete: true,
    probeTokens,
    steps: steps.map(({ tokens, confidence, em, probeTokens }) => ({ tokens, score: confidence, em, probeTokens })),
  }
}

/** Mean tokens of a probe; 0 where none costs any. */
function meanProbe (traces: readonly Trace[]): number {
  const asked = traces.reduce((sum, { steps }) => sum + steps.length, 0)
  return asked === 0 ? 0 : traces.reduce((sum, { probeTokens = 0 }) => sum + probeTokens, 0) / asked
}

/** Means over the samples of a prompt; by threshold, or in tokens. */
interface Unit {
  readonly lost: readonly number[]
  readonly gained: readonly number[]
  readonly saved: readonly number[]
  readonly probes: readonly number[]
  readonly full: number
  readonly unstopped: number
}

function unitOf (traces: readonly Trace[], cadence: Cadence): Unit {
  const asked = traces.map((trace): Trace => ({ ...trace, ...stepsAtCadence(trace.steps, cadence) }))
  const stops = asked.map((trace) => stopsOf(trace, 0))
  const mean = (valueOf: (place: number) => number) => asked.reduce((sum, _, i) => sum + valueOf(i), 0) / asked.length
  const meanAt = (valueOf: (place: number, k: number) => number) => GRID.map((_, k) => mean((i) => valueOf(i, k)))
  return {
    lost: meanAt((i, k) => Math.max(0, stops[i]![k]!.delta)),
    gained: meanAt((i, k) => Math.max(0, -stops[i]![k]!.delta)),
    saved: meanAt((i, k) => asked[i]!.tokens - stops[i]![k]!.tokens),
    probes: meanAt((i, k) => stops[i]![k]!.probeTokens),
    full: mean((i) => asked[i]!.tokens),
    unstopped: mean((i) => asked[i]!.probeTokens ?? 0),
  }
}

/** A context that might have shown these runs. Ratios are of the tokens of full runs. */
interface Draw {
  /** The threshold that serves in the end, and what it saves; -1: none. */
  readonly best: number
  readonly saved: number
  readonly gross: number
  /** Units until the first certificate of a threshold that saves; `null`: none within the horizon. */
  readonly first: number | null
  /** The most that any threshold saves, whatever it loses. */
  readonly most: number
  readonly mostGross: number
  readonly unstopped: number
  /** EM lost, by threshold. */
  readonly drops: readonly number[]
}

/** @param horizon units of evidence within which a threshold must be certified */
function draw (units: readonly Unit[], { maxEmDrop, errorLevel, random }: EstimatePlan, horizon: number): Draw {
  const weights = units.map(() => -Math.log(1 - random()))
  const pseudo = units[Math.floor(random() * units.length)]!
  const pseudoWeight = normal(random) ** 2 / 2
  const all = weights.reduce((sum, weight) => sum + weight, 0)
  const mean = (value: (unit: Unit) => number) => units.reduce((sum, unit, i) => sum + weights[i]! * value(unit), 0) / all
  const full = mean((unit) => unit.full)
  const bar = Math.log(1 / errorLevel)
  let [best, saved, gross, most, mostGross, needed] = [-1, 0, 0, 0, 0, 0]
  let first: number | null = null
  let isOpen = true // looser thresholds are certified after safer ones
  const drops: number[] = []
  let before: { readonly lost: number, readonly gained: number, readonly needed: number | null } | null = null
  for (const [k] of GRID.entries()) {
    const lost = (all * mean((unit) => unit.lost[k]!) + pseudoWeight * Number(pseudo.saved[k]! > 0)) / (all + pseudoWeight)
    const gained = all * mean((unit) => unit.gained[k]!) / (all + pseudoWeight)
    const grossHere = mean((unit) => unit.saved[k]!) / full
    const here = grossHere - mean((unit) => unit.probes[k]!) / full
    drops.push(lost - gained)
    most = Math.max(most, here)
    mostGross = Math.max(mostGross, grossHere)
    if (!isOpen) continue
    if (before === null || before.lost !== lost || before.gained !== gained) {
      const kept = Math.max(0, 1 - lost - gained)
      before = { lost, gained, needed: generationsToReach(maxEmDrop, { lost, kept, gained }, bar, horizon) }
    }
    if (before.needed === null) {
      isOpen = false
      continue
    }
    needed = Math.max(needed, before.needed + 1) // the rates count as one unit
    if (here <= 0) continue
    first ??= needed
    if (here > saved) [best, saved, gross] = [k, here, grossHere]
  }
  return { best, saved, gross, first, most, mostGross, unstopped: mean((unit) => unit.unstopped) / full, drops }
}

/** Seconds that the evidence must span (rule E8), and in which the control share gathers so many units. */
function secondsToGather (units: number, { maxEmDrop, errorLevel }: EstimatePlan): number {
  const perSpan = gatheredUnits({ ...DEFAULT_POLICY, max_em_drop: maxEmDrop, error_level: errorLevel })
  return DEFAULT_POLICY.evidence_span_seconds * Math.max(1, units / perSpan)
}

function obstacleOf (draws: readonly Draw[]): Obstacle {
  if (shareOf(draws, ({ most }) => most >= WORTHWHILE) >= 0.5) return 'accuracy'
  return shareOf(draws, ({ mostGross }) => mostGross >= WORTHWHILE) >= 0.5 ? 'probe_cost' : 'length'
}

function shareOf<T> (items: readonly T[], holds: (item: T) => boolean): number {
  return items.filter(holds).length / Math.max(1, items.length)
}

export function intervalOf (values: readonly number[], middle: 'mean' | 'median' = 'mean'): Interval {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!
  const estimate = middle === 'median' ? at(0.5) : values.reduce((sum, value) => sum + value, 0) / values.length
  return { estimate, low: at(0.05), high: at(0.95) }
}
