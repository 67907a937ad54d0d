import type { ContextDetail } from './api-types.js'
import { count, decimals, duration, percent, words } from './format.js'
import { Card, Table } from './parts.js'

type Field = keyof ContextDetail['follow_up']

const MEANINGS: Readonly<Record<Field, string>> = {
  enrolled: 'control generations that are enrolled',
  accounted: 'outcome, steps and label came in time',
  missing: 'did not come in time, and count as lost',
  excluded: 'left out, since something is missing',
  cancelled: 'the client went away',
  void: 'draws that enrolled nothing',
  unenrolled: 'outcomes of generations that never asked at their first step',
  late: 'outcomes that came too late',
  reported: 'outcomes that came with the steps they need',
  labels_wanted: 'outcomes that needed a label',
  labels_given: 'labels that came in time',
  signals_refused: 'outcomes with too many names of signals',
}

function Barred ({ value, most }: { value: number, most: number }) {
  return (
    <span class='barred'>
      {decimals(value, Number.isInteger(value) ? 0 : 1)}
      <span class='bar' aria-hidden='true'><span style={{ width: `${value / most * 100}%` }} /></span>
    </span>
  )
}

/** What became of the enrolled generations. */
export function FollowUpPanel ({ context }: { context: ContextDetail }) {
  const { follow_up: fates, follow_up_ratio: ratio, cancelled_ratio: cancelled, open_enrolments: open, unaccounted, policy } = context
  const rows = Object.keys(MEANINGS) as Field[]
  const most = Math.max(1, ...rows.map((field) => fates[field]))
  return (
    <Card title='Follow-up' note={`What became of the enrolled generations of this epoch. ${policy.follow_up_seconds === 0 ? 'Outcomes count on arrival.' : `They have ${duration(policy.follow_up_seconds)} to report.`}`}>
      <p><b>{percent(ratio)}</b> accounted for <span class='muted'>· {percent(cancelled)} cancelled · {count(open)} open · {count(unaccounted)} count as lost for now</span></p>
      <Table
        caption='Follow-up' rows={rows.filter((field) => fates[field] > 0 || field === 'enrolled')} columns={[
          { head: 'What', cell: (field) => <b>{words(field)}</b> },
          { head: 'Generations', cell: (field) => <Barred value={fates[field]} most={most} />, isNumber: true },
          { head: 'Meaning', cell: (field) => <span class='muted'>{MEANINGS[field]}</span> },
        ]}
      />
    </Card>
  )
}
