import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { ApiError, CommandEffect } from './api.js'
import { api } from './session.js'
import { count, counted, percent, points, short, threshold, words } from './format.js'
import { Table } from './parts.js'
import { Problem, ReasonField } from './reason-dialog.js'

/** A call of the API that changes something. Its query may already hold a reason. */
interface Command {
  readonly method: string
  readonly path: string
  readonly body?: unknown
}

interface ConfirmDialogProps {
  readonly title: string
  readonly note: ComponentChildren
  /** The fields; none: there is nothing to choose. */
  readonly children?: ComponentChildren
  /** The call for a reason; `null`: the fields are not filled in. */
  readonly command: (reason: string) => Command | null
  /** @param isDone whether the call was made */
  readonly onClose: (isDone: boolean) => void
}

function withQuery (path: string, name: string, value: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${name}=${encodeURIComponent(value)}`
}

/** Shows by a dry run what a call would change, and makes the call only after that was seen and confirmed. */
export function ConfirmDialog ({ title, note, children, command, onClose }: ConfirmDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [reason, setReason] = useState('')
  const [effects, setEffects] = useState<Effects | null>(null)
  const [tried, setTried] = useState('')
  const [error, setError] = useState<ApiError | null>(null)
  const [isBusy, setBusy] = useState(false)
  useEffect(() => { dialog.current?.showModal() }, [])
  const wish = command(reason)
  const isSeen = effects !== null && tried === JSON.stringify(wish)

  async function send (manner: (path: string) => string): Promise<Effects | null | undefined> {
    if (wish === null) return undefined
    setBusy(true)
    setError(null)
    try {
      return await api.call<Effects | null>(wish.method, manner(wish.path), wish.body)
    } catch (problem) {
      setError(problem as ApiError)
      setEffects(null)
      return undefined
    } finally {
      setBusy(false)
    }
  }

  async function submit (event: Event): Promise<void> {
    event.preventDefault()
    if (!isSeen) {
      const found = await send((path) => withQuery(path, 'dry_run', 'true'))
      if (found === undefined || found === null) return
      setEffects(found)
      setTried(JSON.stringify(wish))
    } else if (await send((path) => withQuery(path, 'confirm', effects.confirm)) !== undefined) onClose(true)
  }

  return (
    <dialog ref={dialog} aria-labelledby='action-title' onClose={() => { onClose(false) }}>
      <form onSubmit={submit}>
        <h2 id='action-title'>{title}</h2>
        <p class='note'>{note}</p>
        {children}
        <ReasonField reason={reason} onChange={setReason} />
        <div aria-live='polite'>
          <Problem text={error?.message} />
          {isSeen && <EffectTable effects={effects} />}
          {effects !== null && !isSeen && <p class='note'>You changed something: check the effect again.</p>}
        </div>
        <div class='buttons'>
          <button type='button' class='quiet' onClick={() => { dialog.current?.close() }}>Cancel</button>
          <button type='submit' class={isSeen ? 'main danger' : 'main'} disabled={isBusy || wish === null || reason === ''}>{isSeen ? 'Do it' : 'Show what it would do'}</button>
        </div>
      </form>
    </dialog>
  )
}

/** The rows of some calls state less. */
type ContextEffect = Pick<CommandEffect, 'key' | 'before' | 'after'> & Partial<CommandEffect>

interface TokensPerDay { readonly before: number | null, readonly after: number | null, readonly unknown: number }

/** The reply to a dry run of any call. */
interface Effects {
  readonly confirm: string
  readonly contexts?: readonly ContextEffect[]
  readonly total?: number
  readonly changing?: number
  readonly tokens_saved_per_day?: TokensPerDay
  /** Pins that the end of a rollback would remove. */
  readonly removed?: number
  readonly warnings?: readonly string[]
  /** Policies that a rollback would restore. */
  readonly policies?: ReadonlyArray<{ readonly key: string, readonly before: object | null, readonly after: object | null }>
}

const WARNINGS: Readonly<Record<string, string>> = {
  context_unknown: 'No outcome has named this context yet: check its key.',
  pin_without_effect: 'The pin would hold for no context: this is no pool, or each of its contexts has a pin of its own.',
}

/** A figure before and after, or once where it stays. */
function moved (before: number | null | undefined, after: number | null | undefined, render: (value: number | null | undefined) => string) {
  return before === after ? render(after) : <>{render(before)} → <b>{render(after)}</b></>
}

/**
 * What a change costs or saves in tokens a day, or that it is unknown.
 * @param total contexts that the call applies to
 */
export function costText ({ before, after, unknown }: TokensPerDay, total: number): string {
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

/** The effect that a call would have, by its dry run. */
function EffectTable ({ effects }: { effects: Effects }) {
  const { contexts = [], total = 0, changing = 0, removed, warnings = [], policies = [], tokens_saved_per_day: perDay } = effects
  if (removed !== undefined) {
    return (
      <div class='effect'>
        <p>This would remove {counted(removed, 'pin')}.</p>
        {perDay !== undefined && <p>{costText(perDay, removed)}</p>}
      </div>
    )
  }
  return (
    <div class='effect'>
      <p><b>{changing === 0 ? 'No threshold, mode or epoch would change' : `${count(changing)} would change`}</b>, of {counted(total, 'context')} that the call applies to.</p>
      {perDay !== undefined && <p>{costText(perDay, total)}</p>}
      {warnings.map((warning) => <p key={warning} class='problem'><span aria-hidden='true'>▲</span> {WARNINGS[warning] ?? words(warning)}</p>)}
      {policies.length > 0 && (
        <Table
          caption='Policies restored' rows={policies} columns={[
            { head: 'Policy of', cell: (row) => row.key },
            { head: 'From', cell: (row) => row.before === null ? 'none' : <code>{JSON.stringify(row.before)}</code> },
            { head: 'To', cell: (row) => row.after === null ? 'none' : <code>{JSON.stringify(row.after)}</code> },
          ]}
        />
      )}
      <Table
        caption='Effect' rows={contexts.slice(0, 20)} empty='' columns={[
          { head: 'Context', cell: (row) => row.key },
          { head: 'Threshold', cell: (row) => <>{threshold(row.before)} → <b>{threshold(row.after)}</b></>, isNumber: true },
          { head: 'Mode', cell: (row) => row.mode_before === row.mode_after ? row.mode_after : <>{row.mode_before} → <b>{row.mode_after}</b></> },
          { head: 'Bound', cell: (row) => moved(row.max_em_drop_before, row.max_em_drop_after, points), isNumber: true },
          { head: 'EM lost', cell: (row) => moved(row.em_drop_before, row.em_drop_after, points), isNumber: true },
          { head: 'Saved', cell: (row) => moved(row.tokens_saved_ratio_before, row.tokens_saved_ratio_after, percent), isNumber: true },
          { head: 'Tokens a day', cell: (row) => moved(row.tokens_saved_per_day_before, row.tokens_saved_per_day_after, short), isNumber: true },
          { head: 'Notes', cell: (row) => [row.new_epoch === true && 'evidence starts from zero', row.post_hoc === true && 'bar thirty times higher'].filter(Boolean).join(', ') || '–' },
        ]}
      />
      {contexts.length > 20 && <p class='note'>and {count(total - 20)} more</p>}
    </div>
  )
}
