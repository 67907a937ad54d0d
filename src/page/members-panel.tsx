import type { ContextDetail } from './api-types.js'
import { DropBar } from './drop-bar.js'
import { count, percent, points } from './format.js'
import { Card, Table } from './parts.js'
import { routeTo } from './route.js'

/** What each context of a pool has itself shown, the worst first. */
export function MembersPanel ({ context: { members, policy } }: { context: ContextDetail }) {
  if (members === null) return null
  const { total, over_bound: over, left, worst } = members
  return (
    <Card title='Members of the pool' note='The guarantee holds on average over the pool. This is what each member has shown by itself.'>
      <p><b>{count(over)}</b> of {count(total)} lose more than {points(policy.max_em_drop, 1)} so far <span class='muted'>· {count(left)} have left the pool</span></p>
      <Table
        caption='Members of the pool' rows={worst} columns={[
          {
            head: 'Context',
            cell: (member) => <><a href={routeTo('context', member.key)}>{member.key}</a>{member.left_at !== null && <span class='badge drifted'><span aria-hidden='true'>▲</span> left</span>}</>,
          },
          { head: 'Generations', cell: (member) => count(member.control_generations), isNumber: true },
          {
            head: 'EM drop of bound',
            cell: ({ em_drop: drop, em_drop_low: low, em_drop_high: high }) =>
              drop === null ? '–' : <DropBar drop={drop} low={low} high={high} bound={policy.max_em_drop} />,
            isNumber: true,
          },
          { head: 'Tokens saved, net', cell: (member) => percent(member.tokens_saved_ratio), isNumber: true },
        ]}
      />
    </Card>
  )
}
