import type { CommandEffect } from './api.js'
import { count, counted, NONE, percent, points, short, threshold, words } from './format.js'
import { Table } from './parts.js'
import { USUAL_POINTS } from './policy-fields.js'

/** The rows of some calls state less. */
type ContextEffect = Pick<CommandEffect, 'key' | 'before' | 'after'> & Partial<CommandEffect>

interface TokensPerDay { readonly before: number | null, readonly after: number | null, readonly unknown: number }

/** The reply to a dry run of any call. */
export interface Effects {
  readonly confirm: string
  readonly contexts?: readonly ContextEffect[]
  readonly total?: number
  readonly changing?: number
  readonly tokens_saved_per_day?: TokensPerDay
  readonly warnings?: readonly string[]
}

const WARNINGS: Readonly<Record<string, string>> = {
  pin_without_effect: 'The pin would hold for no context: this is no pool, or each of its contexts has a pin of its own.',
}

/** A figure before and after, or once where it stays. */
function moved<T> (before: T, after: T, render: (value: T) => string) {
  return before === after ? render(after) : <>{render(before)} → <b>{render(after)}</b></>
}

/** The context that would lose most EM, of those that would lose more than now. */
export function worstOf (contexts: readonly ContextEffect[]) {
  const worse = contexts.flatMap((row) => {
    const { em_drop_before: before = null, em_drop_after: after = null } = row
    return after !== null && after > (before ?? 0) ? [{ row, before, after }] : []
  })
  return { others: worse.length - 1, worst: worse.sort((a, b) => b.after - a.after)[0] ?? null }
}

/** The cost of a change in EM. */
function EmCost ({ contexts, total }: { contexts: readonly ContextEffect[], total: number }) {
  const of = contexts.length < total ? ` of the ${contexts.length} shown` : ''
  const { worst, others } = worstOf(contexts)
  const unknown = contexts.filter((row) => row.after !== null && row.after !== row.before && (row.em_drop_after ?? null) === null).length
  const rest = unknown === 0 ? '' : ` Unknown for ${counted(unknown, 'context')}${of}: no evidence at the threshold.`
  if (worst === null) return <p>{unknown === 0 ? 'No context would lose more EM than now.' : `What this costs in EM is not known.${rest}`}</p>
  const { row, before, after } = worst
  const isTooMuch = after > (row.max_em_drop_after ?? USUAL_POINTS / 100)
  const allowed = row.max_em_drop_after === undefined ? '' : `; ${points(row.max_em_drop_after, 1)} are allowed`
  return (
    <p class={isTooMuch ? 'problem' : ''}>
      {isTooMuch && <><span aria-hidden='true'>▲</span> </>}<b>{points(after)} of EM would be lost</b>{before !== null && ` instead of ${points(before)}`}, in {row.key}{allowed}.
      {others > 0 && ` ${counted(others, 'other context')}${of} would lose more than now, too.`}{rest}
    </p>
  )
}

/**
 * The tokens a day that a change costs or saves, or that they are unknown.
 * @param total contexts that the call applies to
 */
function costText ({ before, after, unknown }: TokensPerDay, total: number): string {
  const others = unknown === 0 ? '' : ` Unknown for ${counted(unknown, 'changing context')}: less than an hour of traffic, or no evidence at the threshold.`
  if (before === null || after === null) {
    return total === 0 ? 'No tokens are saved or lost: this applies to nothing.' : `What this costs in tokens a day is not known.${others}`
  }
  const change = after - before
  const effect = change === 0
    ? `As many tokens a day as now: ${short(after)} saved, net of probes.`
    : `${short(Math.abs(change))} tokens a day ${change < 0 ? 'fewer' : 'more'} would be saved at today’s traffic: ${short(after)} instead of ${short(before)}, net of probes.`
  return `${effect}${others}`
}

/** The thresholds that would be gone for a time, even if the call were undone at once. */
function LastingLoss ({ contexts }: { contexts: readonly ContextEffect[] }) {
  const lost = contexts.filter((row) => row.undo_restores === false)
  if (lost.length === 0) return null
  const where = lost.length === 1 ? `the threshold of ${lost[0]!.key}` : `${count(lost.length)} thresholds`
  return <p class='problem'><span aria-hidden='true'>▲</span> <b>Undoing this would not bring back {where}</b> before the evidence certifies {lost.length === 1 ? 'it' : 'them'} again.</p>
}

/** The effect that a call would have, by its dry run. */
export function EffectTable ({ effects }: { effects: Effects }) {
  const { contexts = [], total = 0, changing = 0, warnings = [], tokens_saved_per_day: perDay } = effects
  return (
    <div class='effect'>
      <p><b>{changing === 0 ? 'No threshold, mode or epoch would change' : `${count(changing)} would change`}</b>, of {counted(total, 'context')} that the call applies to.</p>
      {changing > 0 && <EmCost contexts={contexts} total={total} />}
      <LastingLoss contexts={contexts} />
      {perDay !== undefined && (changing > 0 || perDay.before !== null) && <p>{costText(perDay, total)}</p>}
      {warnings.map((warning) => <p key={warning} class='problem'><span aria-hidden='true'>▲</span> {WARNINGS[warning] ?? words(warning)}</p>)}
      <Table
        caption='Effect' rows={contexts.slice(0, 20)} empty='' columns={[
          { head: 'Context', cell: (row) => row.key },
          { head: 'Threshold', cell: (row) => moved(row.before, row.after, threshold), isNumber: true },
          { head: 'Mode', cell: (row) => moved(row.mode_before, row.mode_after, (mode) => mode ?? NONE) },
          { head: 'Bound', cell: (row) => moved(row.max_em_drop_before, row.max_em_drop_after, points), isNumber: true },
          { head: 'EM lost', cell: (row) => moved(row.em_drop_before ?? null, row.em_drop_after ?? null, points), isNumber: true },
          { head: 'Saved', cell: (row) => moved(row.tokens_saved_ratio_before ?? null, row.tokens_saved_ratio_after ?? null, percent), isNumber: true },
          { head: 'Tokens a day', cell: (row) => moved(row.tokens_saved_per_day_before, row.tokens_saved_per_day_after, short), isNumber: true },
          { head: 'Notes', cell: (row) => [row.new_epoch === true && 'evidence starts from zero', row.post_hoc === true && 'bar thirty times higher'].filter(Boolean).join(', ') || '–' },
        ]}
      />
      {contexts.length > 20 && <p class='note'>and {count(total - 20)} more</p>}
    </div>
  )
}
