import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { ApiError } from './api.js'
import { EffectTable, type Effects, worstOf } from './command-effects.js'
import { USUAL_POINTS } from './policy-fields.js'
import { api } from './session.js'
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
  /** What the dry run says about this command in particular. */
  readonly answer?: (effects: Effects) => string | null
  /** @param isDone whether the call was made */
  readonly onClose: (isDone: boolean) => void
}

function withQuery (path: string, name: string, value: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${name}=${encodeURIComponent(value)}`
}

/** Shows by a dry run what a call would change, and makes the call only after that was seen and confirmed. */
export function ConfirmDialog ({ title, note, children, command, answer, onClose }: ConfirmDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [reason, setReason] = useState('')
  const [effects, setEffects] = useState<Effects | null>(null)
  const [tried, setTried] = useState('')
  const [error, setError] = useState<ApiError | null>(null)
  const [isBusy, setBusy] = useState(false)
  const [typed, setTyped] = useState('')
  const seen = useRef<HTMLDivElement>(null)
  useEffect(() => { dialog.current?.showModal() }, [])
  useEffect(() => { if (effects !== null || error !== null) seen.current?.scrollIntoView({ block: 'nearest' }) }, [effects, error])
  const wish = command(reason)
  const isSeen = effects !== null && tried === JSON.stringify(wish)
  const loss = isSeen ? unusualLoss(effects) : null
  const isSure = loss === null || Number(typed.trim().replace(',', '.') || NaN) === Number(loss)

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
        <div aria-live='polite' class='reply' ref={seen}>
          <Problem text={error?.message} />
          {loss !== null && (
            <label class='problem'>Of every hundred questions, {loss} right answers would be lost. Type {loss} if you mean that
              <input aria-label='Loss, in points' inputMode='decimal' value={typed} onInput={({ currentTarget }) => { setTyped(currentTarget.value) }} />
            </label>
          )}
          {isSeen && answer !== undefined && <p>{answer(effects)}</p>}
          {isSeen && <EffectTable effects={effects} />}
          {effects !== null && !isSeen && <p class='note'>You changed something: check the effect again.</p>}
        </div>
        <div class='buttons'>
          <button type='button' class='quiet' onClick={() => { dialog.current?.close() }}>Cancel</button>
          <button type='submit' class={isSeen ? 'main danger' : 'main'} disabled={isBusy || wish === null || reason === '' || !isSure}>{isSeen ? 'Do it' : 'Show what it would do'}</button>
        </div>
      </form>
    </dialog>
  )
}

/** The EM that a context would lose, in points, if it is so much that it may be a slip; otherwise `null`. */
function unusualLoss ({ contexts = [] }: Effects): string | null {
  const lost = 100 * (worstOf(contexts).worst?.after ?? 0)
  return lost > USUAL_POINTS ? lost.toFixed(1) : null
}
