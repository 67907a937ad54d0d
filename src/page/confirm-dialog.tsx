import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { ApiError } from './call-api.js'
import { Effect, type Effects } from './effect.js'
import { api } from './session.js'

/** A call of the API that changes something. Its query may already hold a reason. */
export interface Command {
  readonly method: string
  readonly path: string
  readonly body?: unknown
}

export interface ConfirmDialogProps {
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
        <label>Reason, for the audit trail
          <input required maxLength={500} value={reason} onInput={({ currentTarget }) => { setReason(currentTarget.value) }} />
        </label>
        <div aria-live='polite'>
          {error !== null && <p class='problem' role='alert'><span aria-hidden='true'>▲</span> {error.message}</p>}
          {isSeen && <Effect effects={effects} />}
          {effects !== null && !isSeen && <p class='note'>You changed something: look again at what it would do.</p>}
        </div>
        <div class='buttons'>
          <button type='button' class='quiet' onClick={() => { dialog.current?.close() }}>Cancel</button>
          <button type='submit' class={isSeen ? 'main danger' : 'main'} disabled={isBusy || wish === null || reason === ''}>{isSeen ? 'Do it' : 'Show what it would do'}</button>
        </div>
      </form>
    </dialog>
  )
}
