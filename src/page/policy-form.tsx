import { useState } from 'preact/hooks'
import { pathOf, type ActionProps } from './action-forms.js'
import type { PolicyReply } from './api-types.js'
import { ConfirmDialog } from './confirm-dialog.js'
import { useData } from './live.js'
import { mergePatch, POLICY_FIELDS, type PolicyField } from './policy-fields.js'

const NOTE = 'Empty fields are inherited; the grey text is the value in force. A bound that you change later is chosen after looking at the ' +
  'evidence: the dry run shows what that costs.'

/** Changes fields of a policy. What is left empty is inherited. */
export function PolicyForm ({ context, onClose }: ActionProps) {
  const { data } = useData<PolicyReply>(pathOf(context, 'policy'))
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({})
  const stated = (name: keyof PolicyReply['policy']) => data?.policy[name] == null ? '' : String(data.policy[name])
  const change = (name: keyof PolicyReply['policy'], text: string) => {
    const { [name]: _, ...others } = typed
    setTyped(text === stated(name) ? others : { ...others, [name]: text })
  }
  return (
    <ConfirmDialog
      title={`Policy of ${context.key}`} onClose={onClose} note={NOTE}
      command={(reason) => Object.keys(typed).length === 0
        ? null
        : { method: 'PATCH', path: `${pathOf(context, 'policy')}?reason=${encodeURIComponent(reason)}`, body: mergePatch(typed) }}
    >
      <div class='fields'>
        {POLICY_FIELDS.map((field) => (
          <Field
            key={field.name} field={field} value={typed[field.name] ?? stated(field.name)} inForce={context.policy[field.name]}
            isChanged={field.name in typed} onChange={(text) => { change(field.name, text) }}
          />
        ))}
      </div>
    </ConfirmDialog>
  )
}

interface FieldProps {
  readonly field: PolicyField
  readonly value: string
  /** The value in force, stated here or above. */
  readonly inForce: unknown
  readonly isChanged: boolean
  readonly onChange: (text: string) => void
}

function Field ({ field: { name, kind, values = [], meaning }, value, inForce, isChanged, onChange }: FieldProps) {
  const shown = inForce === null ? 'none' : String(inForce)
  return (
    <label class={isChanged ? 'field changed' : 'field'}>
      <span><code>{name}</code>{isChanged && <b> changed</b>}<br /><span class='muted'>{meaning}</span></span>
      {kind === 'choice'
        ? (
          <select value={value} onChange={({ currentTarget }) => { onChange(currentTarget.value) }}>
            <option value=''>inherit ({shown})</option>{values.map((choice) => <option key={choice}>{choice}</option>)}
          </select>
          )
        : (
          <input
            inputMode={kind === 'number' ? 'decimal' : 'text'} value={value} placeholder={shown}
            onInput={({ currentTarget }) => { onChange(currentTarget.value) }}
          />
          )}
    </label>
  )
}
