import { useState } from 'preact/hooks'
import type { Audit, History } from './api.js'
import { ChangeReason } from './change-reason.js'
import { ConfirmDialog } from './confirm-dialog.js'
import { clockTime, movement, NONE, words } from './format.js'
import { useData } from './live.js'
import { Age, Card, Loading, Table } from './parts.js'
import { routeTo } from './route.js'

/** Rows on a phone, since there are two long tables. */
const PHONE_ROWS = 3

type Row = Audit['commands'][number]

/** The policy, pin or predictor that a command set. */
function target ({ policy, pin, predictor, probe_form: form }: Row) {
  if (policy === null || pin === null) return 'removed'
  return setting(policy ?? pin ?? predictor ?? form)
}

/** A setting as JSON, without the fields that have columns of their own. */
function setting (set: object | string | undefined) {
  return set === undefined ? NONE : <code>{JSON.stringify(set, (name, value: unknown) => ['by', 'reason'].includes(name) ? undefined : value)}</code>
}

/** The policy or pin that a command replaced. */
function origin ({ type, replaced }: Row) {
  if (type !== 'policy' && type !== 'pin') return '–'
  return replaced === null ? 'none' : setting(replaced)
}

/**
 * Changes of thresholds with their causes, and the audit trail.
 * @param name context key: shows the changes of thresholds there and below; `null`: all
 */
export function ChangesView ({ name }: { name: string | null }) {
  const history = useData<History>(`v1/history?limit=200${name === null ? '' : `&prefix=${encodeURIComponent(name)}`}`)
  const audit = useData<Audit>('v1/audit?limit=100')
  const [restored, setRestored] = useState<Row | null>(null)
  const reload = () => { history.reload(); audit.reload() }
  return (
    <>
      <h1>Changes</h1>
      <Age since={history.staleSince ?? audit.staleSince} />
      {name !== null && <p class='note'>In {name} and below. <a href={routeTo('changes')}>Show all</a></p>}
      <Card title='Thresholds'>
        {history.data === null
          ? <Loading error={history.error} />
          : (
            <Table
              caption='Changes of thresholds' phoneRows={PHONE_ROWS} rows={history.data.changes} empty='No threshold has moved yet.' columns={[
                { head: 'Time', cell: (row) => clockTime(row.time) },
                { head: 'Context', cell: (row) => row.key === null ? 'unreadable' : <a href={routeTo('context', row.key)}>{row.key}</a> },
                { head: 'Cause', cell: (row) => words(row.cause) },
                { head: 'Change', cell: (row) => { const [from, to] = movement(row); return from === to ? to : <>{from} → <b>{to}</b></> }, isNumber: true },
                { head: 'Why', cell: (row) => <ChangeReason change={row} /> },
                { head: 'Version', cell: (row) => row.version, isNumber: true },
              ]}
            />
            )}
      </Card>
      <Card title='Audit trail' note='Commands of operators.'>
        {audit.data === null
          ? <Loading error={audit.error} />
          : (
            <Table
              caption='Audit trail' phoneRows={PHONE_ROWS} rows={audit.data.commands} empty='Nobody has changed anything yet.' columns={[
                { head: 'Time', cell: (row) => clockTime(row.time) },
                { head: 'Who', cell: (row) => row.by },
                { head: 'What', cell: (row) => words(row.type) },
                { head: 'Context', cell: (row) => row.key === null ? '–' : <a href={routeTo('context', row.key)}>{row.key}</a> },
                { head: 'From', cell: origin },
                { head: 'To', cell: target },
                { head: 'Reason', cell: (row) => row.reason ?? '–' },
                { head: 'Undo', cell: (row) => row.type === 'policy' ? <button type='button' class='small' title='Restore the policy before this change' onClick={() => { setRestored(row) }}>Restore …</button> : '–' },
              ]}
            />
            )}
      </Card>
      {restored !== null && <RestoreForm row={restored} onClose={(isDone) => { setRestored(null); if (isDone) reload() }} />}
    </>
  )
}

/** Sets the policy that a command replaced. */
function RestoreForm ({ row: { key, replaced }, onClose }: { row: Row, onClose: (isDone: boolean) => void }) {
  const path = `v1/contexts/${encodeURIComponent(key!)}/policy`
  return (
    <ConfirmDialog
      title='Restore a policy' note={<>{replaced === null ? 'Removes the policy that the context states' : <>Sets the policy to <code>{JSON.stringify(replaced)}</code></>}, in {key}.</>} onClose={onClose}
      command={(reason) => replaced === null
        ? { method: 'DELETE', path: `${path}?reason=${encodeURIComponent(reason)}` }
        : { method: 'PUT', path: `${path}?create=true&reason=${encodeURIComponent(reason)}`, body: replaced }}
    />
  )
}
