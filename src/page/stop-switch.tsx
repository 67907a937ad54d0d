import { useEffect, useRef, useState } from 'preact/hooks'
import type { ApiError, StopNothingReply } from './api.js'
import { useData } from './live.js'
import { api } from './session.js'

/** The switch that stops nothing, for operators of the whole fleet. It needs no store, so it has no dry run. */
export function StopSwitch () {
  const { data, reload } = useData<StopNothingReply>('v1/stop-nothing')
  const [isOpen, setOpen] = useState(false)
  if (data === null) return null
  return (
    <>
      <button type='button' class={data.on ? 'main' : 'danger'} onClick={() => { setOpen(true) }}>{data.on ? 'Stop again …' : 'Stop nothing …'}</button>
      {isOpen && <SwitchDialog isOn={data.on} onClose={() => { setOpen(false); reload() }} />}
    </>
  )
}

function SwitchDialog ({ isOn, onClose }: { isOn: boolean, onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [reason, setReason] = useState('')
  const [error, setError] = useState<ApiError | null>(null)
  const [done, setDone] = useState<StopNothingReply | null>(null)
  useEffect(() => { dialog.current?.showModal() }, [])

  async function submit (event: Event): Promise<void> {
    event.preventDefault()
    setError(null)
    try {
      const reply = await api.call<StopNothingReply>('POST', 'v1/stop-nothing', { on: !isOn, reason })
      if (reply.on && !reply.stored) setDone(reply); else dialog.current?.close()
    } catch (problem) { setError(problem as ApiError) }
  }

  return (
    <dialog ref={dialog} aria-labelledby='switch-title' onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id='switch-title'>{isOn ? 'Stop generations again' : 'Stop nothing'}</h2>
        <p class='note'>
          {isOn
            ? 'Generations are stopped again at the thresholds in force, by the mode that * had before.'
            : 'No generation is stopped any more, in any context. No evidence is lost, and the same button undoes it.'}
        </p>
        {done === null && (
          <label>Reason, for the audit trail
            <input required maxLength={500} value={reason} onInput={({ currentTarget }) => { setReason(currentTarget.value) }} />
          </label>
        )}
        {error !== null && <p class='problem' role='alert'><span aria-hidden='true'>▲</span> {error.message}</p>}
        {done !== null && (
          <p class='problem' role='alert'>
            <span aria-hidden='true'>▲</span> This replica stops nothing, but the store cannot be reached: give the same order to each of the other replicas.
          </p>
        )}
        <div class='buttons'>
          <button type='button' class='quiet' onClick={() => { dialog.current?.close() }}>{done === null ? 'Cancel' : 'Close'}</button>
          {done === null && <button type='submit' class='main danger' disabled={reason === ''}>{isOn ? 'Stop again' : 'Stop nothing'}</button>}
        </div>
      </form>
    </dialog>
  )
}
