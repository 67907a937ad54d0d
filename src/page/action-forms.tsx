import { useState } from 'preact/hooks'
import type { ContextDetail } from './api-types.js'
import { ConfirmDialog } from './confirm-dialog.js'

export interface ActionProps {
  readonly context: ContextDetail
  readonly onClose: (isDone: boolean) => void
}

export function pathOf ({ key }: ContextDetail, what: string): string { return `v1/contexts/${encodeURIComponent(key)}/${what}` }

const MODES = { enforce: 'stop generations at the threshold', shadow: 'decide, but stop nothing', off: 'stop nothing, at once' } as const

export function ModeForm ({ context, onClose }: ActionProps) {
  const [mode, setMode] = useState<string>(context.mode === 'off' ? 'enforce' : 'off')
  return (
    <ConfirmDialog
      title={`Mode of ${context.key}`} onClose={onClose}
      note='It holds here and below, for every context that states no mode of its own; "off" holds for all below. No evidence is lost.'
      command={(reason) => ({ method: 'PATCH', path: `${pathOf(context, 'policy')}?reason=${encodeURIComponent(reason)}`, body: { mode: mode === 'inherit' ? null : mode } })}
    >
      <fieldset>
        <legend>Mode</legend>
        {Object.entries(MODES).map(([name, meaning]) => <label key={name} class='choice'><input type='radio' name='mode' checked={mode === name} onChange={() => { setMode(name) }} /> <b>{name}</b> <span class='muted'>{meaning}{name === context.mode && ' (now)'}</span></label>)}
        <label class='choice'><input type='radio' name='mode' checked={mode === 'inherit'} onChange={() => { setMode('inherit') }} /> <b>inherit</b> <span class='muted'>as the context above says</span></label>
      </fieldset>
    </ConfirmDialog>
  )
}

const LIFETIMES: ReadonlyArray<readonly [seconds: string, name: string]> = [['3600', 'an hour'], ['86400', 'a day'], ['604800', 'a week'], ['', 'until it is removed']]

export function PinForm ({ context, onClose }: ActionProps) {
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
            aria-label='Score, 0 to 1' inputMode='decimal' size={8} value={value}
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

export function UnpinForm ({ context, onClose }: ActionProps) {
  return (
    <ConfirmDialog
      title={`Remove the pin of ${context.key}`} onClose={onClose} note='The learned threshold, if there is one, is in force again.'
      command={(reason) => ({ method: 'DELETE', path: `${pathOf(context, 'pin')}?reason=${encodeURIComponent(reason)}` })}
    />
  )
}

const RESET_NOTE = 'Forgets the evidence of this context and of everything below it, as after new weights. Nothing is stopped there until a ' +
  'threshold is certified anew. This cannot be undone.'

export function ResetForm ({ context, onClose }: ActionProps) {
  return (
    <ConfirmDialog
      title={`Reset ${context.key}`} onClose={onClose} note={RESET_NOTE}
      command={(reason) => ({ method: 'POST', path: pathOf(context, 'reset'), body: { reason } })}
    />
  )
}
