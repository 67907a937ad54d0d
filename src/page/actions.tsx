import { useState } from 'preact/hooks'
import type { ContextDetail, PolicyReply } from './api.js'
import { ConfirmDialog } from './confirm-dialog.js'
import { useData } from './live.js'
import { Loading } from './parts.js'
import { mergePatch, POLICY_FIELDS, type PolicyField, textOf, unusualBound } from './policy-fields.js'

const ACTIONS = { mode: ['Mode', ModeForm], policy: ['Policy', PolicyForm], pin: ['Pin', PinForm], unpin: ['Remove pin', UnpinForm], reset: ['Reset', ResetForm] } as const

/** The actions of an operator on a context. Each opens a dialog, which shows the effect before it asks for confirmation. */
export function Actions ({ context, onDone }: { context: ContextDetail, onDone: () => void }) {
  const [open, setOpen] = useState<keyof typeof ACTIONS | null>(null)
  const Form = open === null ? null : ACTIONS[open][1]
  return (
    <div class='actions' role='group' aria-label='Actions'>
      {(Object.keys(ACTIONS) as Array<keyof typeof ACTIONS>).filter((action) => isOffered(action, context)).map((action) => (
        <button key={action} type='button' onClick={() => { setOpen(action) }}>{ACTIONS[action][0]} …</button>
      ))}
      {Form !== null && <Form context={context} onClose={(isDone) => { setOpen(null); if (isDone) onDone() }} />}
    </div>
  )
}

/** A pin applies to a context in which generations run, or to a pool; elsewhere it would have no effect. */
function isOffered (action: keyof typeof ACTIONS, { key, pin, diagnosis }: ContextDetail): boolean {
  if (action === 'unpin') return pin?.at === key
  return action !== 'pin' || diagnosis?.reason !== 'sums_only'
}

interface ActionProps {
  readonly context: ContextDetail
  readonly onClose: (isDone: boolean) => void
}

function pathOf ({ key }: Pick<ContextDetail, 'key'>, what: string): string { return `v1/contexts/${encodeURIComponent(key)}/${what}` }

const MODES = { enforce: 'stop generations at the threshold', shadow: 'decide, but stop nothing', off: 'always continue' } as const

function ModeForm ({ context, onClose }: ActionProps) {
  const [mode, setMode] = useState<string>(context.mode === 'off' ? 'enforce' : 'off')
  return (
    <ConfirmDialog
      title={`Mode of ${context.key}`} onClose={onClose}
      note='Applies to this context, and to those below it that state no mode of their own; "off" applies to all below. No evidence is lost.'
      command={(reason) => ({ method: 'PATCH', path: `${pathOf(context, 'policy')}?reason=${encodeURIComponent(reason)}`, body: { mode: mode === 'inherit' ? null : mode } })}
    >
      <fieldset>
        <legend>Mode</legend>
        {Object.entries(MODES).map(([name, meaning]) => <label key={name} class='choice'><input type='radio' name='mode' checked={mode === name} onChange={() => { setMode(name) }} /> <b>{name}</b> <span class='muted'>{meaning}{name === context.mode && ' (now)'}</span></label>)}
        <label class='choice'><input type='radio' name='mode' checked={mode === 'inherit'} onChange={() => { setMode('inherit') }} /> <b>inherit</b> <span class='muted'>the mode of the context above</span></label>
      </fieldset>
    </ConfirmDialog>
  )
}

const LIFETIMES: ReadonlyArray<readonly [seconds: string, name: string]> = [['3600', 'an hour'], ['86400', 'a day'], ['604800', 'a week'], ['', 'until it is removed']]

function PinForm ({ context, onClose }: ActionProps) {
  const [isNever, setNever] = useState(true)
  const [value, setValue] = useState(String(context.threshold ?? ''))
  const [seconds, setSeconds] = useState('3600')
  const number = Number(value)
  const isValid = isNever || (value.trim() !== '' && number >= 0 && number <= 1)
  return (
    <ConfirmDialog
      title={`Pin the threshold of ${context.key}`} onClose={onClose} note='A pinned threshold holds until the pin ends, even across resets. It has no guarantee.'
      command={(reason) => isValid
        ? { method: 'PUT', path: pathOf(context, 'pin'), body: { threshold: isNever ? null : number, reason, ...(seconds !== '' && { expires_in_seconds: Number(seconds) }) } }
        : null}
    >
      <fieldset>
        <legend>Threshold</legend>
        <label class='choice'><input type='radio' name='pin' checked={isNever} onChange={() => { setNever(true) }} /> <b>never stop</b></label>
        <label class='choice'>
          <input type='radio' name='pin' checked={!isNever} onChange={() => { setNever(false) }} /> stop from a score of{' '}
          <input
            aria-label='Score, 0 to 1' inputMode='decimal' size={18} value={value}
            onFocus={() => { setNever(false) }} onInput={({ currentTarget }) => { setValue(currentTarget.value) }}
          />
        </label>
      </fieldset>
      <label>For{' '}
        <select value={seconds} onChange={({ currentTarget }) => { setSeconds(currentTarget.value) }}>
          {LIFETIMES.map(([lifetime, name]) => <option key={name} value={lifetime}>{name}</option>)}
        </select>
      </label>
    </ConfirmDialog>
  )
}

function UnpinForm ({ context, onClose }: ActionProps) {
  return (
    <ConfirmDialog
      title={`Remove the pin of ${context.key}`} onClose={onClose} note='The learned threshold, if there is one, is in force again.'
      command={(reason) => ({ method: 'DELETE', path: `${pathOf(context, 'pin')}?reason=${encodeURIComponent(reason)}` })}
    />
  )
}

const RESET_NOTE = 'Forgets the evidence of this context and of everything below it, as after new weights. Nothing is stopped there until a ' +
  'threshold is certified again. This cannot be undone.'

function ResetForm ({ context, onClose }: ActionProps) {
  return (
    <ConfirmDialog
      title={`Reset ${context.key}`} onClose={onClose} note={RESET_NOTE}
      command={(reason) => ({ method: 'POST', path: pathOf(context, 'reset'), body: { reason } })}
    />
  )
}

const POLICY_NOTE = 'Empty fields are inherited; the grey text is the value in force. A bound that you change now is chosen after looking at the ' +
  'evidence; the dry run shows what that costs.'

interface PolicyFormProps {
  readonly context: Pick<ContextDetail, 'key'>
  /** Whether the context may be unknown to the service. */
  readonly create?: boolean
  readonly onClose: ActionProps['onClose']
}

/** Changes fields of a policy. Empty fields are inherited. */
export function PolicyForm ({ context, create = false, onClose }: PolicyFormProps) {
  const { data, error } = useData<PolicyReply>(pathOf(context, 'policy'))
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({})
  const [again, setAgain] = useState('')
  const stated = (name: keyof PolicyReply['policy']) => textOf(name, data?.policy[name])
  const unusual = unusualBound(typed)
  const change = (name: keyof PolicyReply['policy'], text: string) => {
    const { [name]: _, ...others } = typed
    setTyped(text === stated(name) ? others : { ...others, [name]: text })
  }
  return (
    <ConfirmDialog
      title={`Policy of ${context.key}`} onClose={onClose} note={POLICY_NOTE}
      command={(reason) => Object.keys(typed).length === 0 || (unusual !== null && again.trim() !== unusual)
        ? null
        : { method: 'PATCH', path: `${pathOf(context, 'policy')}?reason=${encodeURIComponent(reason)}${create ? '&create=true' : ''}`, body: mergePatch(typed) }}
    >
      {data === null
        ? <Loading error={error} />
        : (
          <div class='fields'>
            {POLICY_FIELDS.map((field) => (
              <Field
                key={field.name} field={field} value={typed[field.name] ?? stated(field.name)} inForce={data.effective[field.name]}
                isChanged={field.name in typed} onChange={(text) => { change(field.name, text) }}
              />
            ))}
          </div>
          )}
      {unusual !== null && (
        <label class='problem'>This allows {unusual} right answers of every hundred questions to be lost. Type {unusual} again if you mean that
          <input aria-label='Bound again, in points' inputMode='decimal' value={again} onInput={({ currentTarget }) => { setAgain(currentTarget.value) }} />
        </label>
      )}
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
  const shown = inForce === null ? 'none' : textOf(name, inForce)
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
            inputMode={kind === 'number' || kind === 'points' ? 'decimal' : 'text'} value={value} placeholder={shown}
            onInput={({ currentTarget }) => { onChange(currentTarget.value) }}
          />
          )}
    </label>
  )
}
