import type { ContextDetail } from './api.js'
import { ago, count, decimals, percent, threshold } from './format.js'
import { Card, Table } from './parts.js'

type Cadence = NonNullable<ContextDetail['cadence']>

function numbers ({ check_every_tokens: every, check_growth: growth }: Pick<Cadence, 'check_every_tokens' | 'check_growth'>): string {
  return `every ${count(every)} tokens${growth === 0 ? '' : `, growing by ${percent(growth)}`}`
}

const REASONS: Readonly<Record<NonNullable<Cadence['choice']>['reason'], string>> = {
  saves: 'It was chosen since its probes cost little and about as much is expected from it as from the best.',
  accuracy: 'At every cadence, stops that save tokens seem to lose more answers than the bound allows, so this is the one with the fewest probes.',
  probe_cost: 'At every cadence, probes cost as much as stops save, so this is the one with the fewest probes.',
}

/** Why the cadence is as it is, in words. */
function reason ({ source, explored, choice }: Cadence): string {
  if (source === 'policy') return 'The policy states it.'
  if (source === 'exploring') return `It is being explored: ${count(explored!.generations)} of ${count(explored!.needed)} control generations. Nothing is certified before.`
  const chosen = REASONS[choice!.reason]
  return explored === null ? chosen : `${chosen} It is being looked at again: ${count(explored.generations)} of ${count(explored.needed)} control generations.`
}

/** How often generations are asked about, and what that was chosen by. */
export function CadencePanel ({ context: { cadence } }: { context: Pick<ContextDetail, 'cadence'> }) {
  if (cadence === null) return null
  const { choice, check_window_tokens: window } = cadence
  return (
    <Card isDetail title='Cadence' note='When workers ask for a decision, in both arms.'>
      <p>
        <b>{numbers(cadence)}</b>
        {window > 0 && <span class='muted'> · at most once in {count(window)} tokens, since probes cost tokens</span>}
      </p>
      <p class='note'>{reason(cadence)}</p>
      {choice !== null && (
        <>
          <Table
            caption='Chosen and best candidates' rows={choice.candidates} columns={[
              { head: 'Candidate', cell: (one) => numbers(one) },
              { head: 'Expected, net', cell: (one) => percent(one.expected_saved_ratio), isNumber: true },
              { head: 'Threshold', cell: (one) => one.threshold === null ? 'none' : threshold(one.threshold), isNumber: true },
              { head: 'Saves there, net', cell: (one) => percent(one.tokens_saved_ratio), isNumber: true },
              { head: 'Gross', cell: (one) => percent(one.tokens_saved_gross_ratio), isNumber: true },
            ]}
          />
          <p class='note'>
            Estimated {ago(choice.looked_at, Date.now())} by {count(choice.generations)} control generations
            of {count(choice.tokens_mean)} tokens, with {decimals(choice.probe_tokens_mean, 1)} tokens a probe.
          </p>
        </>
      )}
    </Card>
  )
}
