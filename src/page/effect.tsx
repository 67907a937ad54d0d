import { count, threshold, words } from './format.js'
import { Table } from './parts.js'

interface ContextEffect {
  readonly key: string
  readonly before: number | null
  readonly after: number | null
  readonly mode_before?: string
  readonly mode_after?: string
  readonly status_after?: string
  readonly new_epoch?: boolean
  readonly post_hoc?: boolean
}

/** The reply to a dry run of any call. */
export interface Effects {
  readonly confirm: string
  readonly contexts?: readonly ContextEffect[]
  readonly total?: number
  readonly changing?: number
  /** Pins that the end of a rollback would remove. */
  readonly removed?: number
  readonly warnings?: readonly string[]
}

const WARNINGS: Readonly<Record<string, string>> = {
  context_unknown: 'No outcome has named this context yet: check its key.',
  pin_without_effect: 'The pin would hold for no context: this is no pool, or each of its contexts has a pin of its own.',
}

/** What a call would do, as its dry run says. */
export function Effect ({ effects: { contexts = [], total = 0, changing = 0, removed, warnings = [] } }: { effects: Effects }) {
  if (removed !== undefined) return <p class='effect'>This would remove {count(removed)} pins.</p>
  return (
    <div class='effect'>
      <p><b>{changing === 0 ? 'No threshold, mode or epoch would change' : `${count(changing)} would change`}</b>, of {count(total)} contexts that the call applies to.</p>
      {warnings.map((warning) => <p key={warning} class='problem'><span aria-hidden='true'>▲</span> {WARNINGS[warning] ?? words(warning)}</p>)}
      <Table
        caption='Effect' rows={contexts.slice(0, 20)} empty='' columns={[
          { head: 'Context', cell: (row) => row.key },
          { head: 'Threshold', cell: (row) => <>{threshold(row.before)} → <b>{threshold(row.after)}</b></>, isNumber: true },
          { head: 'Mode', cell: (row) => row.mode_before === undefined || row.mode_before === row.mode_after ? row.mode_after ?? 'as before' : <>{row.mode_before} → <b>{row.mode_after}</b></> },
          { head: 'Notes', cell: (row) => [row.new_epoch === true && 'evidence starts from zero', row.post_hoc === true && 'bar thirty times higher'].filter(Boolean).join(', ') || '–' },
        ]}
      />
      {contexts.length > 20 && <p class='note'>and {count(total - 20)} more</p>}
    </div>
  )
}
