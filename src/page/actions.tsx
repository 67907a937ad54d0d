import { useState } from 'preact/hooks'
import type { ContextDetail } from './api-types.js'
import { ModeForm, PinForm, ResetForm, UnpinForm } from './action-forms.js'
import { PolicyForm } from './policy-form.js'

const ACTIONS = { mode: ['Mode', ModeForm], policy: ['Policy', PolicyForm], pin: ['Pin', PinForm], unpin: ['Remove pin', UnpinForm], reset: ['Reset', ResetForm] } as const

/** What an operator can do to a context. Each opens a dialog, which shows the effect before it asks for confirmation. */
export function Actions ({ context, onDone }: { context: ContextDetail, onDone: () => void }) {
  const [open, setOpen] = useState<keyof typeof ACTIONS | null>(null)
  const Form = open === null ? null : ACTIONS[open][1]
  return (
    <div class='actions' role='group' aria-label='Actions'>
      {(Object.keys(ACTIONS) as Array<keyof typeof ACTIONS>).filter((action) => action !== 'unpin' || context.pin !== null).map((action) => (
        <button key={action} type='button' onClick={() => { setOpen(action) }}>{ACTIONS[action][0]} …</button>
      ))}
      {Form !== null && <Form context={context} onClose={(isDone) => { setOpen(null); if (isDone) onDone() }} />}
    </div>
  )
}
