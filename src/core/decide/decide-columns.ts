import type { Arm } from '../assignment/arm.js'
import type { Context } from '../policy/context.js'
import { placeArm, reasonFor, wouldStop, type Freshness, type Reason, type Step } from './decide.js'
import type { Em } from '../certificate/evidence.js'
import { clampConfidence } from '../grading/outcome.js'
import { scoreBy, type Scorer } from '../predictor/predictor.js'
import { isProbeDue } from './probe.js'
import { ruleFor, type Rule, type Snapshot } from './snapshot.js'

type Column<T> = ReadonlyArray<T | null>

/** Many steps, a column for each field; row i of each column together is a step. `null` is a field that is absent. */
export interface Columns {
  /** Those that the rows of `context` point into. */
  readonly contexts: readonly Context[]
  readonly context: readonly number[]
  readonly tokens: readonly number[]
  readonly confidence: Column<number>
  readonly generation_ids?: Column<string>
  readonly group_ids?: Column<string>
  readonly arms?: Column<Arm>
  readonly signals?: Readonly<Record<string, Column<number>>>
  readonly em?: Column<Em>
  readonly answer?: Column<string>
  readonly probed_score?: Column<number>
}

/** What was decided: the rows of which something is so, in order. */
export interface ColumnDecisions {
  readonly stop: number[]
  readonly control: number[]
  readonly would_stop: number[]
  /** Control rows at which an answer is to be forced. */
  readonly probe: number[]
  /** Of each row; of one that was left out none. */
  readonly reasons: ReadonlyArray<Reason | undefined>
  /** Of each context. */
  readonly rules: readonly Rule[]
}

/**
 * The same decisions as `decide` on each row, to the bit, without making a step or a decision of it.
 * @param bad rows to leave out
 */
export function decideColumns (snapshot: Snapshot, freshness: Freshness, columns: Columns, bad: ReadonlySet<number>): ColumnDecisions {
  const { context, tokens, confidence, arms, em, answer, probed_score: probed } = columns
  const { generation_ids: generations, group_ids: groups } = columns
  const rules = columns.contexts.map((context) => ruleFor(snapshot, context))
  const scoreOf = scoring(columns)
  const reasons = new Array<Reason | undefined>(context.length)
  const stop: number[] = []
  const control: number[] = []
  const would_stop: number[] = []
  const probe: number[] = []
  for (let row = 0; row < context.length; row++) {
    if (bad.size > 0 && bad.has(row)) continue
    const rule = rules[context[row]!]!
    const sure = clampConfidence(confidence[row]!)
    const score = rule.scorer === null ? sure : scoreOf(rule.scorer, row, sure)
    const arm = arms?.[row] ?? placeArm(snapshot.salt, rule, groups?.[row] ?? generations?.[row] ?? undefined)
    const reason = reasons[row] = reasonFor(rule, freshness, tokens[row]!, score, arm)
    if (reason === 'score_at_threshold') stop.push(row)
    if (wouldStop(reason)) would_stop.push(row)
    if (arm !== 'control') continue
    control.push(row)
    const isProbed = (em?.[row] ?? answer?.[row] ?? null) !== null
    if (isProbed) continue
    const step = { tokens: tokens[row]!, probed_score: probed?.[row] ?? null }
    if (isProbeDue(rule, arm, step, sure, (scorer) => scoreOf(scorer, row, sure))) probe.push(row)
  }
  return { stop, control, would_stop, probe, reasons, rules }
}

/** Scores rows where their signals lie: the columns of a predictor's signals are looked up once, and a row makes no object. */
function scoring ({ tokens, signals = {} }: Columns): (scorer: Scorer, row: number, confidence: number | null) => number | null {
  const known = new Map<Scorer, ReadonlyArray<Column<number> | undefined>>()
  const columnsFor = (scorer: Scorer) => {
    const columns = scorer.signals.map(({ name }) => Object.hasOwn(signals, name) ? signals[name] : undefined)
    known.set(scorer, columns)
    return columns
  }
  return (scorer, row, confidence) => {
    const columns = known.get(scorer) ?? columnsFor(scorer)
    return scoreBy(scorer, tokens[row]!, confidence, (i) => columns[i]?.[row])
  }
}

/** The step that a row is; of a context index that points nowhere, a step without a context. */
export function stepAt (columns: Columns, row: number): Step {
  const { contexts, context, generation_ids, group_ids, arms, signals, em, answer, probed_score } = columns
  const step: { -readonly [F in keyof Step]: Step[F] } = { tokens: columns.tokens[row]!, confidence: columns.confidence[row]! }
  const its = contexts[context[row]!]
  if (its !== undefined) step.context = its
  const generation = generation_ids?.[row] ?? undefined
  if (generation !== undefined) step.generation_id = generation
  const group = group_ids?.[row] ?? undefined
  if (group !== undefined) step.group_id = group
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
