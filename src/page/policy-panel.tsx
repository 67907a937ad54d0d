import { useState } from 'preact/hooks'
import { PolicyForm } from './actions.js'
import type { PolicyReply } from './api.js'
import { ConfirmDialog } from './confirm-dialog.js'
import { Card, Table } from './parts.js'
import { POLICY_FIELDS, textOf } from './policy-fields.js'
import { routeTo } from './route.js'

/** Whether a key leaves levels open, such as `model=*,task=math`: only policies have such keys. */
export function isPattern (key: string): boolean { return key.includes('=*') }

/** The key of the same last level, whatever the levels above; `null`: there are none above. */
export function patternOf (key: string): string | null {
  const parts = key.split(',')
  if (parts.length < 2) return null
  return parts.map((part, i) => i === parts.length - 1 ? part : `${part.slice(0, part.indexOf('='))}=*`).join(',')
}

/** The levels above that of a key, in words. */
function levelsAbove (key: string): string { return key.split(',').slice(0, -1).map((part) => part.slice(0, part.indexOf('='))).join(' and the ') }

/** The fields in force that some policy states, each with the key that states it, and the way to a policy for all similar contexts. */
export function PolicyPanel ({ policy: { key, effective, sources } }: { policy: PolicyReply }) {
  const stated = POLICY_FIELDS.flatMap(({ name, kind }) => {
    const source = sources[name]
    const unit = kind === 'points' ? '\u202fpt' : ''
    return source == null ? [] : [{ name, source, value: effective[name] === null ? 'none' : textOf(name, effective[name]) + unit }]
  })
  const pattern = patternOf(key)
  return (
    <Card isDetail title='Policy' note='Fields that no policy states have the default of the service. The most specific key decides: a longer one before a shorter one, and a named value before *.'>
      <Table
        caption='Policy in force' rows={stated} empty='Every field has the default of the service.' columns={[
          { head: 'Field', cell: ({ name }) => <code>{name}</code> },
          { head: 'Value', cell: ({ value }) => value },
          { head: 'Stated by', cell: ({ source }) => source === key ? 'this context' : <a href={routeTo('context', source)}>{source}</a> },
        ]}
      />
      {pattern !== null && <p class='note'>Whatever the {levelsAbove(key)}: <a href={routeTo('context', pattern)}>policy of {pattern}</a></p>}
    </Card>
  )
}

/** A policy for every context that its key matches. It is no context, so it has no figures. */
export function PatternPage ({ policy, onChange }: { policy: PolicyReply, onChange: () => void }) {
  const [open, setOpen] = useState<'change' | 'remove' | null>(null)
  const { key, policy: stated } = policy
  const hasPolicy = Object.keys(stated).length > 0
  const onClose = (isDone: boolean) => { setOpen(null); if (isDone) onChange() }
  return (
    <Card
      title='A policy for every context that matches'
      note='* stands for any value, also for one that comes later. A policy that names the value goes before this one.'
    >
      {hasPolicy
        ? (
          <Table
            caption='Stated policy' rows={POLICY_FIELDS.filter(({ name }) => name in stated)} columns={[
              { head: 'Field', cell: ({ name }) => <code>{name}</code> },
              { head: 'Value', cell: ({ name, kind }) => (stated[name] === null ? 'none' : textOf(name, stated[name])) + (kind === 'points' ? '\u202fpt' : '') },
            ]}
          />
          )
        : <p>No policy has this key yet.</p>}
      <div class='actions'>
        <button type='button' onClick={() => { setOpen('change') }}>{hasPolicy ? 'Policy' : 'Set a policy'} …</button>
        {hasPolicy && <button type='button' onClick={() => { setOpen('remove') }}>Remove policy …</button>}
      </div>
      {open === 'change' && <PolicyForm context={{ key }} create onClose={onClose} />}
      {open === 'remove' && (
        <ConfirmDialog
          title={`Remove the policy of ${key}`} onClose={onClose} note='Its fields then come from other keys again.'
          command={(reason) => ({ method: 'DELETE', path: `v1/contexts/${encodeURIComponent(key)}/policy?reason=${encodeURIComponent(reason)}` })}
        />
      )}
    </Card>
  )
}
