import type { Run, RunList } from './api-types.js'
import { ago, clockTime, count, decimals, percent, points, threshold, words } from './format.js'
import { useData } from './live.js'
import { Badge, Card, Pending, Table } from './parts.js'
import { routeTo } from './route.js'
import { SuitePanel } from './suite-panel.js'

/** Training runs, or one of them. */
export function TrainingView ({ name }: { name: string | null }) { return name === null ? <Runs /> : <OneRun key={name} name={name} /> }

function Runs () {
  const { data, error } = useData<RunList>('v1/training-runs')
  const rows = data?.runs.flatMap((run) => run.suites.map((suite) => ({ run, suite }))) ?? []
  return (
    <>
      <h1>Training runs</h1>
      <Card title='Runs' note='The newest checkpoint of each suite.'>
        {data === null
          ? <Pending error={error} />
          : (
            <Table
              caption='Training runs' rows={rows} empty='No run has reported a checkpoint yet.' columns={[
                { head: 'Run', cell: ({ run }) => <a href={routeTo('training', run.run)}>{run.run}</a> },
                { head: 'Suite', cell: ({ suite }) => suite.suite },
                { head: 'Step', cell: ({ suite }) => count(suite.step), isNumber: true },
                { head: 'EM', cell: ({ suite }) => percent(suite.em), isNumber: true },
                { head: 'Mean tokens', cell: ({ suite }) => count(suite.tokens_mean), isNumber: true },
                { head: 'Verdicts', cell: ({ suite }) => suite.verdicts.length === 0 ? '–' : suite.verdicts.map((verdict) => <Badge key={verdict} kind='warn'>{words(verdict)}</Badge>) },
                { head: 'Last report', cell: ({ run }) => ago(run.updated_at, Date.now()), isNumber: true },
              ]}
            />
            )}
      </Card>
    </>
  )
}

function OneRun ({ name }: { name: string }) {
  const { data: run, error } = useData<Run>(`v1/training-runs/${encodeURIComponent(name)}`)
  const advice = run?.contexts.flatMap((context) => context.advice) ?? []
  return (
    <>
      <nav class='path' aria-label='Above'><a href={routeTo('training')}>Training runs</a> › {name}</nav>
      <h1>{name}</h1>
      {run === null
        ? <Pending error={error} />
        : (
          <>
            <p class='muted'>Last report {clockTime(run.updated_at)}</p>
            {run.suites.map((suite) => <SuitePanel key={suite.suite} suite={suite} />)}
            {advice.length > 0 && (
              <Card title='May the newest checkpoint be stopped early?'>
                <Table
                  caption='Advice' rows={advice} columns={[
                    { head: 'Context', cell: (row) => <a href={routeTo('context', row.context)}>{row.context}</a> },
                    { head: 'Advice', cell: (row) => <b>{words(row.advice)}</b> },
                    { head: 'Because', cell: (row) => words(row.reason) },
                    { head: 'Threshold', cell: (row) => threshold(row.threshold), isNumber: true },
                    { head: 'EM drop', cell: (row) => points(row.em_drop), isNumber: true },
                    { head: 'Generations', cell: (row) => decimals(row.generations, 0), isNumber: true },
                  ]}
                />
              </Card>
            )}
          </>
          )}
    </>
  )
}
