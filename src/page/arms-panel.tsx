import type { ContextDetail } from './api-types.js'
import { count, decimals, percent, points } from './format.js'
import { Card, Table } from './parts.js'

type Arms = ContextDetail['arms']

const VERDICTS = {
  breached: ['bad', '▲', 'Real stops lose more than you allow.'],
  suspected: ['warn', '△', 'Real stops seem to lose more than you allow.'],
  none: ['good', '✓', 'No sign that real stops lose more than you allow.'],
} as const

interface DifferenceProps { readonly difference: NonNullable<Arms['em_difference']>, readonly bound: number }

/** The difference of EM with its interval, between what may be lost and zero. */
function DifferenceBar ({ difference: { estimate, low, high }, bound }: DifferenceProps) {
  const reach = Math.max(bound * 1.5, Math.abs(low), Math.abs(high))
  const place = (value: number) => `${(value / reach + 1) * 50}%`
  return (
    <div class='difference' role='img' aria-label={`${points(estimate)}, from ${points(low)} to ${points(high)}; ${points(-bound)} is allowed`}>
      <span class='interval' style={{ left: place(low), right: `calc(100% - ${place(high)})` }} />
      <span class='mark' style={{ left: place(estimate) }} />
      <span class='zero' style={{ left: '50%' }} /><span class='bound' style={{ left: place(-bound) }} />
      <span class='tag' style={{ left: place(-bound) }}>allowed</span><span class='tag' style={{ left: '50%' }}>0</span>
    </div>
  )
}

/** What really happened: generations that ran in full beside those that were stopped. */
export function ArmsPanel ({ context: { arms, policy } }: { context: ContextDetail }) {
  const { em_difference: em, tokens_difference: tokens } = arms
  const rows = [{ name: 'Control (run in full)', ...arms.control }, { name: 'Treated (stopped at the threshold)', ...arms.treated }]
  const [kind, sign, verdict] = VERDICTS[arms.breached ? 'breached' : arms.breach_suspected ? 'suspected' : 'none']
  return (
    <Card title='Control against treated' note='Counts enrolled generations while a threshold was in force.'>
      <Table
        caption='Control against treated' rows={rows} columns={[
          { head: 'Arm', cell: (row) => row.name },
          { head: 'Generations', cell: (row) => count(row.generations), isNumber: true },
          { head: 'EM', cell: (row) => percent(row.em), isNumber: true },
          { head: 'Mean tokens', cell: (row) => count(row.tokens_mean), isNumber: true },
        ]}
      />
      {em === null
        ? <p class='note'>Too few generations in an arm for a comparison.</p>
        : (
          <>
            <DifferenceBar difference={em} bound={policy.max_em_drop} />
            <p>
              EM: <b>{points(em.estimate)}</b> <span class='muted'>({points(em.low)} to {points(em.high)})</span>
              {tokens !== null && <>; tokens a generation: <b>{decimals(tokens.estimate, 0)}</b> <span class='muted'>({decimals(tokens.low, 0)} to {decimals(tokens.high, 0)})</span></>}
            </p>
            <p class={`verdict ${kind}`}><span aria-hidden='true'>{sign}</span> {verdict}</p>
          </>
          )}
    </Card>
  )
}
