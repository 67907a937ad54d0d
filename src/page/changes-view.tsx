import { useState } from 'preact/hooks'
import type { Audit, History } from './api.js'
import { ChangeReason } from './change-reason.js'
import type { Effects } from './command-effects.js'
import { ConfirmDialog } from './confirm-dialog.js'
import { causeText, clockTime, count, counted, movement, NONE, words } from './format.js'
import { useData } from './live.js'
import { Age, Card, KeyText, Loading, Table } from './parts.js'
import { routeTo } from './route.js'

/** Rows on a phone, since there are two long tables. */
const PHONE_ROWS = 3

type Row = Audit['commands'][number]

/** The effect of a change; a policy may move neither mode nor threshold. */
function change (row: History['changes'][number]) {
  const [from, to] = movement(row)
  if (from !== to) return <>{from} → <b>{to}</b></>
  return row.cause === 'policy' ? NONE : to
}

/** Whether a command paused stopping, ended the pause, or neither. A pause is mode `off` of the root. */
function pauseOf ({ type, key, policy, replaced }: Row): 'pause' | 'end of pause' | null {
  const isOff = (stated: object | null | undefined) => stated != null && 'mode' in stated && stated.mode === 'off'
  if (type !== 'policy' || key !== '*' || isOff(policy) === isOff(replaced)) return null
  return isOff(policy) ? 'pause' : 'end of pause'
}

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
                { head: 'Context', cell: (row) => row.key === null ? 'unreadable' : <a href={routeTo('context', row.key)}><KeyText name={row.key} /></a> },
                { head: 'Cause', cell: causeText },
                { head: 'Change', cell: change, isNumber: true },
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
                { head: 'What', cell: (row) => pauseOf(row) ?? words(row.type) },
                { head: 'Context', cell: (row) => row.key === null ? '–' : <a href={routeTo('context', row.key)}><KeyText name={row.key} /></a> },
                { head: 'From', cell: origin },
                { head: 'To', cell: target },
                { head: 'Reason', cell: (row) => row.reason ?? '–' },
                { head: 'Undo', cell: (row) => <Undo row={row} onRestore={() => { setRestored(row) }} /> },
              ]}
            />
            )}
      </Card>
      {restored !== null && <RestoreForm row={restored} onClose={(isDone) => { setRestored(null); if (isDone) reload() }} />}
    </>
  )
}

/** The way back from a command. A pause has its own switch, which sets the mode that the root had before. */
function Undo ({ row, onRestore }: { row: Row, onRestore: () => void }) {
  if (row.type !== 'policy') return <>–</>
  if (pauseOf(row) === 'pause') return <a href={routeTo('fleet')}>end the pause</a>
  return <button type='button' class='small' title='Restore the policy before this change' onClick={onRestore}>Restore …</button>
}

/** Whether thresholds come into force at once, where none is now. */
function returning ({ contexts = [] }: Effects): string | null {
  const without = contexts.filter(({ before, mode_after: mode }) => before === null && mode === 'enforce')
  if (without.length === 0) return null
  const back = without.filter(({ after }) => after !== null)
  if (back.length === 0) return 'No threshold comes into force at once, since the evidence certifies none yet.'
  const text = back.length === 1 ? `The threshold of ${back[0]!.key} comes into force at once.` : `${count(back.length)} thresholds come into force at once.`
  const rest = without.length - back.length
  return rest === 0 ? text : `${text} None is certified yet for ${counted(rest, 'other context')}.`
}

/** Sets the policy that a command replaced. */
function RestoreForm ({ row: { key, replaced }, onClose }: { row: Row, onClose: (isDone: boolean) => void }) {
  const path = `v1/contexts/${encodeURIComponent(key!)}/policy`
  return (
    <ConfirmDialog
      title='Restore a policy' note={<>{replaced === null ? 'Removes the policy that the context states' : <>Sets the policy to <code>{JSON.stringify(replaced)}</code></>}, in {key}.</>} answer={returning} onClose={onClose}
      command={(reason) => replaced === null
        ? { method: 'DELETE', path: `${path}?reason=${encodeURIComponent(reason)}` }
        : { method: 'PUT', path: `${path}?create=true&reason=${encodeURIComponent(reason)}`, body: replaced }}
    />
  )
}
