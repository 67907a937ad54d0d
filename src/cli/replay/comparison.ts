import type { Levels } from '../../core/policy/context.js'
import type { ContextView } from '../../core/reports/context-report.js'
import type { Policy } from '../../core/policy/policy.js'
import { BASELINES, keyAtLevels, FIXED_THRESHOLD, type Ending } from '../traces/recorded-run.js'
import type { PlayedRun } from './play-runs.js'
import { alignColumns } from '../command-line/command-io.js'

export type Figures = ReturnType<typeof figures>
export type Comparison = ReturnType<typeof compare>
type ContextComparison = ReturnType<typeof compareByContext>['contexts'][number]

/** The state of a context at the end of a replay. */
export type FinalState = Pick<ContextView, 'threshold' | 'scope' | 'score'> & { readonly policy: Pick<Policy, 'max_em_drop'> }

/** A comparison for each context, sorted by key, with its threshold in force at the end and the score that this is for; and one for all. */
export function compareByContext (
  levels: Levels, served: readonly PlayedRun[], finishOf: (key: string) => FinalState) {
  const byKey = new Map<string, PlayedRun[]>()
  for (const one of served) {
    const key = keyAtLevels(levels, one.run)
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
export function compare (served: readonly PlayedRun[], maxEmDrop: number) {
  const baseline = (stop: (run: PlayedRun['run']) => Ending) => figures(served, ({ run }) => stop(run))
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
function figures (served: readonly PlayedRun[], endingOf: (one: PlayedRun) => Ending) {
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

const COLUMNS = [
  'context', 'generations', 'threshold', 'scope', 'stopped', 'saved %', 'gross %', 'EM %', 'change', 'bound', '|', // as served
  'tokens', 'EM %', '|', // never stopping
  'saved %', 'change', '|', // the fixed rule
  'saved %', 'change', // the best possible stop
]
const IS_WORDS = COLUMNS.map((_, column) => column === 0 || column === 3)

/** The table at the end of a replay: a row for each context, then the total. */
export function renderTable (contexts: readonly ContextComparison[], total: Comparison): string {
  const body = contexts.map((context) => row(context.key, context, threshold(context.threshold), context.scope))
  const lines = alignColumns([COLUMNS, ...body, row('all', total, '', '')], IS_WORDS)
  const rule = '-'.repeat(Math.max(...lines.map((line) => line.length)))
  return [titles(lines[0]!), lines[0], rule, ...lines.slice(1, -1), rule, lines.at(-1), '', ...verdict(contexts), ...scores(contexts), ...LEGEND].join('\n') + '\n'
}

function row (name: string, comparison: Comparison, force: string, scope: string): string[] {
  const { generations, served, never_stop, fixed_threshold, best_possible, ...bound } = comparison
  return [
    name, String(generations), force, scope, String(served.stopped),
    percent(served.tokens_saved_ratio), percent(served.tokens_saved_gross_ratio), percent(served.em), change(served),
    `${bound.is_inside_bound ? 'inside' : 'OUTSIDE'} ${percent(bound.max_em_drop)}`, '|',
    String(never_stop.tokens), percent(never_stop.em), '|',
    percent(fixed_threshold.tokens_saved_ratio), change(fixed_threshold), '|',
    percent(best_possible.tokens_saved_ratio), change(best_possible),
  ]
}

/** The line above the column names that groups them by way to stop. */
function titles (header: string): string {
  const starts = [header.indexOf('generations'), ...[...header.matchAll(/\|/g)].map(({ index }) => index)]
  const texts = ['stopgate', '| never stopping', `| conf >= ${FIXED_THRESHOLD}`, '| best possible']
  return texts.reduce((line, text, i) => line.padEnd(starts[i]!) + text, '')
}

function verdict (contexts: readonly ContextComparison[]): string[] {
  if (contexts.every(({ served }) => served.stopped === 0)) return [NOTHING_STOPPED]
  const outside = contexts.filter((context) => !context.is_inside_bound)
  if (outside.length === 0) return [`The EM drop is inside its bound in ${contexts.length === 1 ? 'the one context' : `all ${contexts.length} contexts`}.`]
  return ['The EM drop is OUTSIDE its bound in:', ...outside.map(({ key, served, max_em_drop: a }) =>
    `  ${key}: ${percent(served.em_drop)} points lost, ${percent(a)} allowed`)]
}

/** Marks thresholds of predictors, since they are not comparable with confidences. */
function scores (contexts: readonly ContextComparison[]): string[] {
  const predicted = contexts.filter(({ threshold, score }) => threshold !== null && score !== 'confidence')
  if (predicted.length === 0) return []
  return ['The threshold is for a predictor\'s score in:', ...predicted.map(({ key, score }) => `  ${key}: ${score}`)]
}

const NOTHING_STOPPED = 'Nothing was stopped: no threshold was in force long enough. With the default policy the first certificate takes 192 control generations ' +
  'that lose nothing.'

const LEGEND = [
  'saved: percentage of the tokens of the full runs, net of the tokens of probes. gross: probes not counted. change: EM served minus EM of the full runs, in points. bound: EM drop allowed, in points.',
  `conf >= ${FIXED_THRESHOLD}: the same fixed threshold in every context. never stopping: the full runs.`,
  'best possible: stopping at the earliest step that is no worse than the full run, known only in hindsight.',
]

function threshold (value: number | null): string {
  return value === null ? 'none' : value.toFixed(4)
}

function percent (ratio: number): string {
  return noMinusZero((100 * ratio).toFixed(1))
}

function change ({ em_drop: drop }: Figures): string {
  const text = percent(-drop)
  return drop < 0 && text !== '0.0' ? `+${text}` : text
}

function noMinusZero (text: string): string {
  return /^-0\.?0*$/.test(text) ? text.slice(1) : text
}
