import type { ContextDetail } from './api-types.js'
import { count, percent, points, threshold } from './format.js'
import { Card, Table } from './parts.js'

/** Predictors on trial in a context. */
export function TrialsPanel ({ context: { challengers, score, policy } }: { context: ContextDetail }) {
  const empty = policy.predictor === 'off' ? 'Predictors are off in the policy of this context.' : 'None is on trial at present.'
  return (
    <Card title='Predictors on trial' note={`The score in force is ${score}.`}>
      <Table
        caption='Predictors on trial' rows={challengers} empty={empty} columns={[
          { head: 'Predictor', cell: (trial) => <>{trial.predictor}{trial.serving && <span class='badge certified'><span aria-hidden='true'>●</span> serving</span>}</> },
          { head: 'Generations', cell: (trial) => count(trial.generations), isNumber: true },
          { head: 'Threshold', cell: (trial) => trial.threshold === null ? 'none yet' : threshold(trial.threshold), isNumber: true },
          { head: 'EM drop', cell: (trial) => points(trial.em_drop), isNumber: true },
          { head: 'Tokens saved, net', cell: (trial) => percent(trial.tokens_saved_ratio), isNumber: true },
          { head: 'To the next certificate', cell: (trial) => count(trial.generations_to_next_certificate), isNumber: true },
        ]}
      />
    </Card>
  )
}
