import { useEffect, useRef, useState } from 'preact/hooks'
import type { ApiError, StoreLossReply } from './api.js'
import { clockTime } from './format.js'
import { useData } from './live.js'
import { Card } from './parts.js'
import { api } from './session.js'

/** What to do when the store has lost its contents, and the button that ends the warnings. */
export function StoreLoss () {
  const { data, reload } = useData<StoreLossReply>('v1/store-loss')
  const [isOpen, setOpen] = useState(false)
  if (data === null || !data.lost) return null
  return (
    <Card
      title='The store has lost its contents'
      actions={<button type='button' class='danger' onClick={() => { setOpen(true) }}>Acknowledge …</button>}
    >
      <p>
        Since {clockTime(data.at)} it {data.kind === 'older' ? 'is at an older state' : 'is another store'} than before. Thresholds, policies and pins may be gone.
        {data.restore === null ? ' To go back, import the last backup with --replace.' : <> To go back: <code>{data.restore}</code></>}
      </p>
      {isOpen && <AcknowledgeDialog onClose={() => { setOpen(false); reload() }} />}
    </Card>
  )
}

function AcknowledgeDialog ({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [reason, setReason] = useState('')
  const [error, setError] = useState<ApiError | null>(null)
  useEffect(() => { dialog.current?.showModal() }, [])

  async function submit (event: Event): Promise<void> {
    event.preventDefault()
    try {
      await api.call<StoreLossReply>('POST', 'v1/store-loss/acknowledgement', { reason })
      dialog.current?.close()
    } catch (problem) { setError(problem as ApiError) }
  }

  return (
    <dialog ref={dialog} aria-labelledby='loss-title' onClose={onClose}>
      <form onSubmit={submit}>
        <h2 id='loss-title'>Acknowledge the loss</h2>
        <p class='note'>Ends the warning, the banner and the alert on all replicas. It restores nothing.</p>
        <label>Reason, for the audit trail
          <input required maxLength={500} value={reason} onInput={({ currentTarget }) => { setReason(currentTarget.value) }} />
        </label>
        {error !== null && <p class='problem' role='alert'><span aria-hidden='true'>▲</span> {error.message}</p>}
        <div class='buttons'>
          <button type='button' class='quiet' onClick={() => { dialog.current?.close() }}>Cancel</button>
          <button type='submit' class='main danger' disabled={reason === ''}>Acknowledge</button>
        </div>
      </form>
    </dialog>
  )
}
