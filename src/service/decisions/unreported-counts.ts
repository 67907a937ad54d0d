import type { ColumnDecisions, Columns } from '../../core/decide/decide-columns.js'
import { type Decision, drawOf, isReportDue, type Step, type StepDecision } from '../../core/decide/decide.js'
import type { ContextRule, Snapshot } from '../../core/decide/snapshot.js'
import type { DrawBuffer, DrawnIn } from '../../core/enrolment/enrolment-list.js'
import { type Context, contextKey } from '../../core/policy/context.js'

type Counts = { generations: number, steps: number, stops: number }

/** Treated generations that need not report, with their steps and stops, by the rule that they are decided by. */
export class UnreportedCounts {
  readonly #byRule = new Map<ContextRule, Counts>()
  readonly #drawnIn = new Map<ContextRule, DrawnIn>()

  /** @param drawnIn called for the first count of a rule since the last list */
  of (rule: ContextRule, drawnIn: () => DrawnIn): Counts {
    let counts = this.#byRule.get(rule)
    if (counts === undefined) {
      this.#byRule.set(rule, counts = { generations: 0, steps: 0, stops: 0 })
      this.#drawnIn.set(rule, drawnIn())
    }
    return counts
  }

  /** Moves the counts into the next list. */
  moveTo (buffer: Pick<DrawBuffer, 'count'>): void {
    for (const [rule, counts] of this.#byRule) buffer.count(this.#drawnIn.get(rule)!, counts)
    this.#byRule.clear()
    this.#drawnIn.clear()
  }
}

/** Takes the counts of the generations that a rule decides. */
export interface UnreportedSink { readonly unreported: (rule: ContextRule, drawnIn: () => DrawnIn) => Counts }

const drawnIn = ({ levels }: Pick<Snapshot, 'levels'>, rule: ContextRule, context: Context | undefined) => (): DrawnIn => {
  return { key: rule.context ?? contextKey(levels, context ?? {}), epoch: rule.epoch, share: rule.evidenceShare }
}

/**
 * Counts a step of a treated generation that need not report. A later step does not carry `report`, so steps of generations that began
 * while all reported are counted as well.
 */
export function countUnreportedStep (
  sink: UnreportedSink, snapshot: Snapshot, step: Step, { decision, rule }: Pick<StepDecision, 'rule'> & { readonly decision: Decision }
): void {
  if (rule.reports === 'all' || decision.arm === 'control' || decision.report === true || step.retry_of !== undefined) return
  const isFirst = decision.report === false
  if (!isFirst) {
    const { group_id: group, prompt_hash: prompt, generation_id: id } = step
    if (isReportDue(snapshot.salt, rule, 'fresh', drawOf(snapshot.salt, group ?? prompt ?? id), group ?? id)) return
  }
  const counts = sink.unreported(rule, drawnIn(snapshot, rule, step.context))
  counts.steps++
  if (isFirst) counts.generations++
  if (decision.decision === 'stop') counts.stops++
}

/** The same for columns. */
export function countUnreportedRows (sink: UnreportedSink, snapshot: Snapshot, columns: Columns, decided: ColumnDecisions): void {
  const { rules, reasons, unreported } = decided
  if (!rules.some(({ reports }) => reports === 'enrolled')) return
  const { context, contexts, arms, generation_ids: generations, group_ids: groups, prompt_hashes: prompts, retry_of: retries } = columns
  const countsAt = (row: number): Counts => {
    const rule = rules[context[row]!]!
    return sink.unreported(rule, drawnIn(snapshot, rule, contexts[context[row]!]))
  }
  const count = (row: number): Counts => {
    const counts = countsAt(row)
    counts.steps++
    if (reasons[row] === 'score_at_threshold') counts.stops++
    return counts
  }
  for (const row of unreported) count(row).generations++
  if (arms === undefined) return
  for (let row = 0; row < context.length; row++) {
    const rule = rules[context[row]!]
    if (reasons[row] === undefined || rule?.reports !== 'enrolled' || arms[row] !== 'treated' || retries?.[row] != null) continue
    const own = groups?.[row] ?? generations?.[row] ?? undefined
    const u = drawOf(snapshot.salt, groups?.[row] ?? prompts?.[row] ?? own)
    if (!isReportDue(snapshot.salt, rule, 'fresh', u, own)) count(row)
  }
}
