import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { ApiError } from './api.js'

interface ReasonDialogProps {
  readonly title: string
  readonly note: ComponentChildren
  /** What the button does. */
  readonly action: string
  /** Makes the call. @returns what is left to do, if anything, which is then shown. @throws ApiError */
  readonly send: (reason: string) => Promise<string | null>
  readonly onClose: () => void
}

/** Asks for a reason, and makes a call that has no dry run. */
export function ReasonDialog ({ title, note, action, send, onClose }: ReasonDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [reason, setReason] = useState('')
  const [error, setError] = useState<ApiError | null>(null)
  const [rest, setRest] = useState<string | null>(null)
  useEffect(() => { dialog.current?.showModal() }, [])

  async function submit (event: Event): Promise<void> {
    event.preventDefault()
    setError(null)
    try {
      const left = await send(reason)
      if (left === null) dialog.current?.close(); else setRest(left)
    } catch (problem) { setError(problem as ApiError) }
  }

  return (
    <dialog ref={dialog} aria-labelledby='reason-title' onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id='reason-title'>{title}</h2>
        <p class='note'>{note}</p>
        {rest === null && <ReasonField reason={reason} onChange={setReason} />}
        <Problem text={error?.message ?? rest} />
        <div class='buttons'>
          <button type='button' class='quiet' onClick={() => { dialog.current?.close() }}>{rest === null ? 'Cancel' : 'Close'}</button>
          {rest === null && <button type='submit' class='main danger' disabled={reason === ''}>{action}</button>}
        </div>
      </form>
    </dialog>
  )
}

export function ReasonField ({ reason, onChange }: { reason: string, onChange: (reason: string) => void }) {
  return (
    <label>Reason, for the audit trail
      <input required maxLength={500} value={reason} onInput={({ currentTarget }) => { onChange(currentTarget.value) }} />
    </label>
  )
}

/** @param text `null`: there is no problem */
export function Problem ({ text }: { text: string | null | undefined }) {
  return text == null ? null : <p class='problem' role='alert'><span aria-hidden='true'>▲</span> {text}</p>
}
