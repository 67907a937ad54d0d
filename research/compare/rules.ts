import { GRID } from '../../src/core/decide/grid.js'
import type { FullRun } from '../../test/simulation/service.js'

// Stopping rules of others, as functions of the answers forced along a recorded run. docs/evidence/savings.md cites them.

/** A check at which an answer was forced. */
export interface Check {
  readonly tokens: number
  readonly confidence: number
  /** Of the first token of the forced answer, in nats; `null` where it was not recorded. */
  readonly entropy: number | null
  /** How many checks in a row, this one included, gave the same answer. */
  readonly agreeing: number
  /** Tokens decoded for this check alone. */
  readonly probeTokens: number
  readonly em: number
}

/** A rule with its parameters. */
export interface Setting {
  readonly label: string
  /** Least tokens between two checks; 0: every recorded step is a check. */
  readonly every: number
  /** Whether the rule needs forced answers, and so pays for them. */
  readonly isProbing: boolean
  /** The index of the check to stop at; -1: never. */
  readonly stopAt: (checks: readonly Check[]) => number
}

/** The checks of a worker that asks at the first recorded step after `every` more tokens. @param probeTokens where a step has none */
export function checksOf (steps: readonly FullRun['steps'][number][], every: number, probeTokens: number): Check[] {
  const checks: Check[] = []
  let [due, agreeing, before] = [every, 0, -1]
  for (const [i, step] of steps.entries()) {
    if (step.tokens < due) continue
    due = step.tokens + every
    agreeing = before !== -1 && isSameAnswer(steps, before, i) ? agreeing + 1 : 1
    before = i
    checks.push({
      tokens: step.tokens,
      confidence: step.confidence ?? 0,
      entropy: step.signals?.entropy ?? null,
      agreeing,
      probeTokens: step.probe_tokens ?? probeTokens,
      em: step.em!,
    })
  }
  return checks
}

/**
 * Whether two steps have one answer: by its text; by the streak of equal answers; or, in votes, where each of the samples since then raised
 * the posterior of the leader, that is, voted for it (a posterior rounded to 1 cannot rise).
 */
function isSameAnswer (steps: readonly FullRun['steps'][number][], from: number, to: number): boolean {
  const [earlier, later] = [steps[from]!, steps[to]!]
  if (later.answer != null) return later.answer !== '' && later.answer === earlier.answer
  if (later.signals?.answer_streak !== undefined) return later.signals.answer_streak > to - from
  return steps.slice(from + 1, to + 1).every(({ confidence }, i) => confidence! > steps[from + i]!.confidence! || confidence === 1)
}

/** Nothing is stopped. */
export const NEVER: Setting = { label: 'never', every: 0, isProbing: false, stopAt: () => -1 }

/** Dynasor (Fu et al. 2025): the last `k` forced answers are equal. */
export function agreement (k: number, every: number): Setting {
  const stopAt = (checks: readonly Check[]) => checks.findIndex(({ agreeing }) => agreeing >= k)
  return { label: `${k} agree${distance(every)}`, every, isProbing: true, stopAt }
}

/** DEER (Yang et al. 2025): the geometric mean probability of a forced answer exceeds the threshold. */
export function confidence (threshold: number, every: number): Setting {
  const stopAt = (checks: readonly Check[]) => checks.findIndex((check) => check.confidence > threshold)
  return { label: `above ${Number(threshold.toFixed(4))}${distance(every)}`, every, isProbing: true, stopAt }
}

/**
 * EAT (Wang et al. 2025, `choose_early_stop_point`): the moving variance of the entropy falls below `delta`, at the check number `warmUp`
 * (from 0) or later. With M_n = (1 - alpha) M_{n-1} + alpha x_n and M_0 = x_0: V_n = (1 - alpha) V_{n-1} + alpha (x_n - M_n)^2 and V_0 = 0.
 */
export function settledEntropy (alpha: number, delta: number, warmUp: number, every: number): Setting {
  const stopAt = (checks: readonly Check[]) => {
    let [average, variance] = [checks[0]?.entropy ?? 0, 0]
    return checks.findIndex(({ entropy }, n) => {
      average = (1 - alpha) * average + alpha * entropy!
      variance = (1 - alpha) * variance + alpha * (entropy! - average) ** 2
      return n >= Math.max(1, warmUp) && variance < delta
    })
  }
  return { label: `alpha ${alpha}, delta 2^${Math.log2(delta)}, from check ${warmUp + 1}${distance(every)}`, every, isProbing: true, stopAt }
}

/** The reasoning is closed at the first recorded step of at least so many tokens. */
export function tokenBudget (tokens: number): Setting {
  return { label: `${tokens} tokens`, every: 0, isProbing: false, stopAt: (checks) => checks.findIndex((check) => check.tokens >= tokens) }
}

/** So many samples are drawn. */
export function sampleBudget (samples: number): Setting {
  return { label: `${samples} sample${samples === 1 ? '' : 's'}`, every: 0, isProbing: false, stopAt: (checks) => samples < checks.length ? samples - 1 : -1 }
}

const distance = (every: number): string => every === 0 ? '' : `, every ${every} tokens`

export interface Rule {
  readonly name: string
  readonly published: readonly Setting[]
  /** From which one is chosen in hindsight, beside never stopping. */
  readonly candidates: readonly Setting[]
}

/** Distances of checks in tokens, of which the first is recorded, and the one for published settings; `null`: samples that vote. */
export interface Distances { readonly all: readonly number[], readonly published: number }

const ALPHAS = [0.05, 0.1, 0.2, 0.3, 0.5]
const DELTAS = Array.from({ length: 21 }, (_, i) => 2 ** -i)
const WARM_UPS = [1, 2, 4, 8, 16]

/** @param longest tokens of a run, for budgets */
export function rulesFor (distances: Distances | null, hasEntropy: boolean, longest: number): Rule[] {
  const all = distances?.all ?? [0]
  const published = distances?.published ?? 0
  const budgets = distances === null
    ? Array.from({ length: 15 }, (_, i) => sampleBudget(i + 1))
    : Array.from({ length: Math.floor(longest / all[0]!) }, (_, i) => tokenBudget((i + 1) * all[0]!))
  return [
    {
      name: 'answers agree (Dynasor)',
      published: [3, 2].map((k) => agreement(k, published)),
      candidates: all.flatMap((every) => Array.from({ length: 12 }, (_, i) => agreement(i + 2, every))),
    },
    {
      name: 'confidence (DEER)',
      published: [confidence(0.95, published)],
      candidates: all.flatMap((every) => GRID.map((threshold) => confidence(threshold, every))),
    },
    ...hasEntropy
      ? [{
          name: 'entropy settles (EAT)',
          published: [],
          candidates: all.flatMap((every) => ALPHAS.flatMap((alpha) => DELTAS.flatMap((delta) =>
            WARM_UPS.map((warmUp) => settledEntropy(alpha, delta, warmUp, every))))),
        }]
      : [],
    { name: 'fixed budget', published: [], candidates: budgets },
  ]
}
