import type { Arm } from '../assignment/arm.js'
import type { Em } from '../certificate/trace.js'
import { clampConfidence } from '../outcome/outcome.js'
import type { Context } from '../policy/context.js'
import { scoreBy, type Scorer } from '../predictor/predictor.js'
import {
  armOfDraw, canProbe, drawOf, type Freshness, isBefore, isNewCrossing, reachesLoosest, type Reason, reasonFor, type Step,
  wouldStop,
} from './decide.js'
import { type ContextRule, ruleFor, type Snapshot } from './snapshot.js'

type Column<T> = ReadonlyArray<T | null>

/** Most rows of columns. */
export const MAX_ROWS = 4096

/** Many steps, with a column for each field: row i of all columns is one step. `null` stands for an absent field. */
export interface Columns {
  /** The contexts that `context` indexes. */
  readonly contexts: readonly Context[]
  readonly context: readonly number[]
  readonly tokens: readonly number[]
  readonly confidence: Column<number>
  readonly generation_ids?: Column<string>
  readonly group_ids?: Column<string>
  readonly prompt_hashes?: Column<string>
  readonly sample?: Column<number>
  readonly due_tokens?: Column<number>
  readonly retry_of?: Column<string>
  readonly arms?: Column<Arm>
  readonly signals?: Readonly<Record<string, Column<number>>>
  readonly em?: Column<Em>
  readonly answer?: Column<string>
  readonly probed_score?: Column<number>
}

/** The decisions, as lists of rows in order. */
export interface ColumnDecisions {
  readonly stop: number[]
  readonly control: number[]
  readonly would_stop: number[]
  /** Control rows at which the worker should force an answer. */
  readonly probe: number[]
  /** Treated rows that ask before the check that their last reply named. */
  readonly asked_early: number[]
  /** Rows whose arm was drawn, since they have an id and no arm, and their draws, in [0, 1). */
  readonly drawn: number[]
  readonly draws: number[]
  /** The reason for each row; `undefined` for a row that was left out. */
  readonly reasons: ReadonlyArray<Reason | undefined>
  /** The rule of each of `contexts`. */
  readonly rules: readonly ContextRule[]
}

/**
 * Decides each row exactly as `decide` decides a single step, without making objects for it.
 * @param bad rows to leave out
 */
export function decideColumns (
  snapshot: Snapshot, freshness: Freshness, columns: Columns, bad: ReadonlySet<number>
): ColumnDecisions {
  const { context, tokens, confidence, arms, em, answer, probed_score: probed, due_tokens: due, retry_of: retries } = columns
  const { generation_ids: generations, group_ids: groups, prompt_hashes: prompts } = columns
  const rules = columns.contexts.map((context) => ruleFor(snapshot, context))
  const scoreOf = scoring(columns)
  const reasons = new Array<Reason | undefined>(context.length)
  const stop: number[] = []
  const control: number[] = []
  const would_stop: number[] = []
  const probe: number[] = []
  const asked_early: number[] = []
  const drawn: number[] = []
  const draws: number[] = []
  for (let row = 0; row < context.length; row++) {
    if (bad.size > 0 && bad.has(row)) continue
    const rule = rules[context[row]!]!
    const sure = clampConfidence(confidence[row]!)
    const score = rule.scorer === null ? sure : scoreOf(rule.scorer, row, sure)
    let arm = arms?.[row] ?? null
    const isRetry = retries !== undefined && retries[row] != null
    if (arm === null && isRetry) arm = 'treated'
    else if (arm === null) {
      const u = drawOf(snapshot.salt, groups?.[row] ?? prompts?.[row] ?? generations?.[row] ?? undefined)
      arm = armOfDraw(rule, u)
      if (u !== null) {
        drawn.push(row)
        draws.push(u)
      }
    }
    const isEarly = due !== undefined && arm === 'treated' && isBefore(tokens[row]!, due[row])
    if (isEarly) asked_early.push(row)
    const reached = reasonFor(rule, freshness, tokens[row]!, score, arm, isEarly)
    const reason = reasons[row] = isRetry && reached === 'score_at_threshold' ? 'retry' : reached
    if (wouldStop(reason)) {
      would_stop.push(row)
      if (reason === 'score_at_threshold') stop.push(row)
    }
    if (arm !== 'control') continue
    control.push(row)
    const isProbed = (em?.[row] ?? answer?.[row] ?? null) !== null
    if (isProbed || !canProbe(rule, tokens[row]!, sure)) continue
    if (isNewCrossing(sure, probed?.[row] ?? null) || reachesTrial(rule, scoreOf, row, sure)) probe.push(row)
  }
  return { stop, control, would_stop, probe, asked_early, drawn, draws, reasons, rules }
}

type ScoreOf = (scorer: Scorer, row: number, confidence: number | null) => number | null

function reachesTrial ({ trials }: ContextRule, scoreOf: ScoreOf, row: number, confidence: number): boolean {
  return trials.length > 0 && trials.some((scorer) => reachesLoosest(scorer, scoreOf(scorer, row, confidence)))
}

/** Returns a function that scores a row straight from the columns; a predictor's columns are looked up once. */
function scoring ({ tokens, signals = {} }: Columns): ScoreOf {
  let columnsOf: Map<Scorer, ReadonlyArray<Column<number> | undefined>> | null = null // most requests need none
  const columnsFor = (scorer: Scorer) => {
    const columns = scorer.signals.map(({ name }) => Object.hasOwn(signals, name) ? signals[name] : undefined)
    columnsOf ??= new Map()
    columnsOf.set(scorer, columns)
    return columns
  }
  return (scorer, row, confidence) => {
    const columns = columnsOf?.get(scorer) ?? columnsFor(scorer)
    return scoreBy(scorer, tokens[row]!, confidence, (i) => columns[i]?.[row])
  }
}

/** Makes the step of a row. Where the context index points nowhere, the step has no context. */
export function stepAt (columns: Columns, row: number): Step {
  const { contexts, context, generation_ids, group_ids, arms, signals, em, answer, probed_score } = columns
  const step: { -readonly [F in keyof Step]: Step[F] } = { tokens: columns.tokens[row]!, confidence: columns.confidence[row]! }
  const its = contexts[context[row]!]
  if (its !== undefined) step.context = its
  const generation = generation_ids?.[row] ?? undefined
  if (generation !== undefined) step.generation_id = generation
  const group = group_ids?.[row] ?? undefined
  if (group !== undefined) step.group_id = group
  const prompt = columns.prompt_hashes?.[row] ?? undefined
  if (prompt !== undefined) step.prompt_hash = prompt
  const sample = columns.sample?.[row] ?? undefined
  if (sample !== undefined) step.sample = sample
  const due = columns.due_tokens?.[row] ?? undefined
  if (due !== undefined) step.due_tokens = due
  const retried = columns.retry_of?.[row] ?? undefined
  if (retried !== undefined) step.retry_of = retried
  const arm = arms?.[row] ?? undefined
  if (arm !== undefined) step.arm = arm
  const right = em?.[row] ?? undefined
  if (right !== undefined) step.em = right
  const text = answer?.[row] ?? undefined
  if (text !== undefined) step.answer = text
  const probed = probed_score?.[row] ?? undefined
  if (probed !== undefined) step.probed_score = probed
  if (signals !== undefined) step.signals = signalsAt(signals, row)
  return step
}

export function signalsAt (signals: NonNullable<Columns['signals']>, row: number): Record<string, number> {
  const named = Object.entries(signals).map(([name, values]) => [name, values[row]] as const)
  return Object.fromEntries(named.filter((one): one is readonly [string, number] => one[1] !== null))
}
