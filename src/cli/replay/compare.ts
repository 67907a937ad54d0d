import type { Levels } from '../../core/policy/context.js'
import type { ContextView } from '../../core/views/describe-context.js'
import type { Policy } from '../../core/policy/policy.js'
import { BASELINES } from '../traces/baselines.js'
import type { Served } from './play-generation.js'
import { keyUnder, type Ending } from '../traces/recorded-run.js'

export type Figures = ReturnType<typeof figures>
export type Comparison = ReturnType<typeof compare>
export type ContextComparison = ReturnType<typeof compareByContext>['contexts'][number]

/** The state of a context at the end of a replay. */
export type Finish = Pick<ContextView, 'threshold' | 'scope' | 'score'> & { readonly policy: Pick<Policy, 'max_em_drop'> }

/** A comparison for each context, sorted by key, with its threshold in force at the end and the score that this is for; and one for all. */
export function compareByContext (
  levels: Levels, served: readonly Served[], finishOf: (key: string) => Finish) {
  const byKey = new Map<string, Served[]>()
  for (const one of served) {
    const key = keyUnder(levels, one.run)
    const members = byKey.get(key)
    if (members === undefined) byKey.set(key, [one]); else members.push(one)
  }
  const contexts = [...byKey.keys()].sort().map((key) => {
    const { threshold, scope, score, policy } = finishOf(key)
    return { key, threshold, scope, score, ...compare(byKey.get(key)!, policy.max_em_drop) }
  })
  // If every context is inside its bound, the total is inside the mean bound.
  const bound = contexts.reduce((sum, { generations, max_em_drop: a }) => sum + generations * a, 0) / served.length
  return { contexts, total: compare(served, bound) }
}

/** The service compared with other ways to stop. */
export function compare (served: readonly Served[], maxEmDrop: number) {
  const baseline = (stop: (run: Served['run']) => Ending) => figures(served, ({ run }) => stop(run))
  const own = figures(served, (one) => one)
  return {
    generations: served.length,
    control_generations: served.filter(({ arm }) => arm === 'control').length,
    served: own,
    max_em_drop: maxEmDrop,
    is_inside_bound: own.em_drop <= maxEmDrop + 1e-12,
    never_stop: baseline(BASELINES.never_stop),
    fixed_threshold: baseline(BASELINES.fixed_threshold),
    best_possible: baseline(BASELINES.best_possible),
  }
}

/** The result of one way to stop over some generations; ratios and EM are fractions, `em_drop` is EM of the full runs less this EM. */
function figures (served: readonly Served[], endingOf: (one: Served) => Ending) {
  let tokens = 0
  let probeTokens = 0
  let fullTokens = 0
  let right = 0
  let fullRight = 0
  let stopped = 0
  for (const one of served) {
    const ending = endingOf(one)
    tokens += ending.tokens
    probeTokens += ending.probeTokens
    fullTokens += one.run.tokens
    right += ending.em
    fullRight += one.run.em
    if (ending.isStopped) stopped++
  }
  const n = served.length
  const savedRatio = (used: number) => fullTokens === 0 ? 0 : 1 - used / fullTokens
  const saved = { tokens_saved_ratio: savedRatio(tokens + probeTokens), tokens_saved_gross_ratio: savedRatio(tokens) }
  return { tokens, probe_tokens: probeTokens, ...saved, em: right / n, em_drop: (fullRight - right) / n, stopped }
}
