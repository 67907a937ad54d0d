import { useState } from 'preact/hooks'
import type { StoreLossReply } from './api.js'
import { clockTime } from './format.js'
import { useData } from './live.js'
import { Card } from './parts.js'
import { ReasonDialog } from './reason-dialog.js'
import { api } from './session.js'

/** What is lost, by the kind of the loss. */
const LOSSES: Readonly<Record<NonNullable<StoreLossReply['kind']>, string>> = {
  replaced: 'it is another store than before. Thresholds, policies and pins may be gone.',
  older: 'it is at an older state than before. Thresholds, policies and pins may be gone.',
  unreadable: 'the state of some contexts cannot be read, so they learn again. The history names them. An import of the last backup takes all other contexts back, too.',
}

/** What to do when the store has lost its contents, and the button that ends the warnings. */
export function StoreLoss () {
  const { data, reload } = useData<StoreLossReply>('v1/store-loss')
  const [isOpen, setOpen] = useState(false)
  if (data === null || !data.lost) return null
  return (
    <Card
      title={data.kind === 'unreadable' ? 'The store has lost the state of some contexts' : 'The store has lost its contents'}
      actions={<button type='button' class='danger' onClick={() => { setOpen(true) }}>Acknowledge …</button>}
    >
      <p>
        Since {clockTime(data.at)} {LOSSES[data.kind ?? 'replaced']}
        {' '}To go back to the last backup: <code>stopgate import FILE --replace</code>
      </p>
      {isOpen && (
        <ReasonDialog
          title='Acknowledge the loss' note='Ends the warning, the banner and the alert on all replicas. It restores nothing.'
          action='Acknowledge' send={acknowledge} onClose={() => { setOpen(false); reload() }}
        />
      )}
    </Card>
  )
}

async function acknowledge (reason: string): Promise<null> {
  await api.call<StoreLossReply>('POST', 'v1/store-loss/acknowledgement', { reason })
  return null
}
