import { useMemo } from 'preact/hooks'
import type { AlignedData, Options } from 'uplot'
import type { Run, RunList, Suite } from './api.js'
import { ago, clockTime, count, fineDecimals, finePoints, percent, points, threshold, words } from './format.js'
import { useData } from './live.js'
import { ReportRuns } from './next-step.js'
import { Age, Badge, Card, KeyText, Loading, Table } from './parts.js'
import { routeTo } from './route.js'
import { axis, colour, ChartFigure, interval, legendValue } from './chart.js'
import { EmByTokens, sideOf } from './em-by-tokens.js'

/** Training runs, or one of them. */
export function TrainingView ({ name }: { name: string | null }) { return name === null ? <Runs /> : <OneRun key={name} name={name} /> }

/** A verdict. One of them is good news. */
function VerdictBadge ({ verdict }: { verdict: Suite['verdicts'][number]['verdict'] }) {
  return <Badge kind={verdict === 'tokens_collapsed' ? 'good' : 'warn'}>{words(verdict)}</Badge>
}

function Runs () {
  const { data, error, staleSince } = useData<RunList>('v1/training-runs')
  const rows = data?.runs.flatMap((run) => run.suites.map((suite) => ({ run, suite }))) ?? []
  return (
    <>
      <h1>Training runs</h1>
      <Age since={staleSince} />
      <Card title='Runs' note='The newest checkpoint of each suite.'>
        {data === null
          ? <Loading error={error} />
          : rows.length === 0
            ? <ReportRuns />
            : (
              <Table
                caption='Training runs' rows={rows} columns={[
                  { head: 'Run', cell: ({ run }) => <a href={routeTo('training', run.run)}>{run.run}</a> },
                  { head: 'Suite', cell: ({ suite }) => suite.suite },
                  { head: 'Step', cell: ({ suite }) => count(suite.step), isNumber: true },
                  { head: 'EM', cell: ({ suite }) => percent(suite.em), isNumber: true },
                  { head: 'Mean tokens', cell: ({ suite }) => count(suite.tokens_mean), isNumber: true },
                  { head: 'Verdicts', cell: ({ suite }) => suite.verdicts.length === 0 ? '–' : suite.verdicts.map((verdict) => <VerdictBadge key={verdict} verdict={verdict} />) },
                  { head: 'Last report', cell: ({ run }) => ago(run.updated_at, Date.now()), isNumber: true },
                ]}
              />
              )}
      </Card>
    </>
  )
}

function OneRun ({ name }: { name: string }) {
  const { data: run, error, staleSince } = useData<Run>(`v1/training-runs/${encodeURIComponent(name)}`)
  const advice = run?.contexts.flatMap((context) => context.advice) ?? []
  return (
    <>
      <nav class='path' aria-label='Above'><a href={routeTo('training')}>Training runs</a> › {name}</nav>
      <h1>{name}</h1>
      <Age since={staleSince} />
      {run === null
        ? <Loading error={error} />
        : (
          <>
            <p class='muted'>Last report {clockTime(run.updated_at)}</p>
            {run.suites.map((suite) => <SuitePanel key={suite.suite} suite={suite} />)}
            {advice.length > 0 && (
              <Card title='May the newest checkpoint be stopped early?'>
                <Table
                  caption='Advice' rows={advice} columns={[
                    { head: 'Context', cell: (row) => <a href={routeTo('context', row.context)}><KeyText name={row.context} /></a> },
                    { head: 'Advice', cell: (row) => <b>{words(row.advice)}</b> },
                    { head: 'Because', cell: (row) => words(row.reason) },
                    { head: 'Threshold', cell: (row) => threshold(row.threshold), isNumber: true },
                    { head: 'EM drop', cell: (row) => points(row.em_drop), isNumber: true },
                    { head: 'Generations', cell: (row) => count(row.generations), isNumber: true },
                  ]}
                />
              </Card>
            )}
          </>
          )}
    </>
  )
}

/** A step that was reported, or that is forecast. */
interface Row {
  readonly step: number
  readonly isForecast: boolean
  /** Whether the evaluation was stopped early, so that its figures are estimates for full responses. */
  readonly isEstimate: boolean
  readonly value: number
  readonly low: number | null
  readonly high: number | null
}

interface Measure { readonly name: string, readonly render: (value: number | null) => string }
const EM: Measure = { name: 'EM', render: (value) => percent(value) }
const TOKENS: Measure = { name: 'Mean tokens', render: (value) => count(value) }

function rowsOf ({ points, forecast }: Suite, isEm: boolean): Row[] {
  const rowOf = (point: Suite['points'][number] | Suite['forecast'][number], isForecast: boolean): Row => ({
    step: point.step,
    isForecast,
    isEstimate: 'em_estimate_low' in point,
    ...(isEm
      ? { value: point.em, low: point.em_low, high: point.em_high }
      : { value: point.tokens_mean, low: point.tokens_low, high: point.tokens_high }),
  })
  return [...points.map((point) => rowOf(point, false)), ...forecast.map((point) => rowOf(point, true))]
}

function options ({ name, render }: Measure): Omit<Options, 'width' | 'height'> {
  const shown = legendValue(render)
  return {
    scales: { x: { time: false } },
    axes: [axis('Step', (value) => count(value)), axis(name, (value) => render(value).replace('.0\u00a0%', '\u00a0%'), { size: 62 })],
    series: [
      { label: 'Step', value: legendValue((value) => `step ${count(value)}`) },
      { label: 'Interval', stroke: colour('muted'), width: 1, dash: [3, 3], points: { show: false }, value: interval(render) },
      { label: 'Low', class: 'unlisted', stroke: colour('muted'), width: 1, dash: [3, 3], points: { show: false } },
      { label: name, stroke: colour('accent'), width: 2, points: { show: true, size: 5 }, value: shown },
      { label: 'Forecast', stroke: colour('warn'), width: 2, dash: [6, 4], points: { show: true, size: 8 }, value: shown },
    ],
    bands: [{ series: [1, 2], fill: colour('band') }],
  }
}

function Series ({ suite, isEm }: { suite: Suite, isEm: boolean }) {
  const measure = isEm ? EM : TOKENS
  const rows = useMemo(() => rowsOf(suite, isEm), [suite, isEm])
  const data = useMemo(() => {
    const lastKnown = rows.filter((row) => !row.isForecast).length - 1
    return [
      rows.map(({ step }) => step), rows.map(({ high }) => high), rows.map(({ low }) => low),
      rows.map(({ isForecast, value }) => isForecast ? null : value),
      rows.map(({ isForecast, value }, i) => isForecast || i === lastKnown ? value : null),
    ] as AlignedData
  }, [rows])
  return (
    <ChartFigure
      label={`${measure.name} by step, ${suite.suite}`} data={data} options={() => options(measure)} shape={measure.name} height={220} rows={rows} empty='No checkpoint yet.' columns={[
        { head: 'Step', cell: (row) => count(row.step), isNumber: true },
        { head: measure.name, cell: (row) => <>{measure.render(row.value)}{row.isForecast && ' (forecast)'}{row.isEstimate && ' (estimated)'}</>, isNumber: true },
        { head: 'Interval', cell: (row) => `${measure.render(row.low)} to ${measure.render(row.high)}`, isNumber: true },
      ]}
    />
  )
}

/** A figure of a verdict, by its name. */
function figure (name: string, value: number): string { return `${words(name).replace(/\bem\b/, 'EM')} ${valueOf(name, value)}` }

/** EM and rates in percent, changes of EM in points, and slopes for each step of the training. */
function valueOf (name: string, value: number): string {
  if (/^em_slope/.test(name)) return `${finePoints(value)} a step`
  if (/_slope/.test(name)) return `${fineDecimals(value)} a step`
  if (/_(?:rate|ratio)(?:_|$)|^em_(?:now|best|before)$/.test(name)) return percent(value)
  if (/em_/.test(name)) return finePoints(value)
  return count(value)
}

/** EM and tokens of one suite, with their forecast and the verdicts. */
function SuitePanel ({ suite }: { suite: Suite }) {
  const { coverage, verdicts } = suite
  return (
    <Card title={`Suite ${suite.suite}`}>
      {verdicts.length === 0 && <NoVerdict suite={suite} />}
      <ul class='facts'>
        {verdicts.map(({ verdict, tests, figures }) => (
          <li key={verdict}>
            <VerdictBadge verdict={verdict} /> {tests}{' '}
            <span class='muted'>{Object.entries(figures).map(([name, value]) => figure(name, value)).join(', ')}</span>
          </li>
        ))}
      </ul>
      <div class='columns narrow'><Series suite={suite} isEm /><Series suite={suite} isEm={false} /><EmByTokens suite={suite} /></div>
      {coverage.em.held_out + coverage.tokens.held_out > 0 && (
        <p class='note'>
          Of {count(coverage.em.held_out)} checkpoints that were forecast, EM fell into its interval {count(coverage.em.covered)} times, and tokens{' '}
          {count(coverage.tokens.covered)} of {count(coverage.tokens.held_out)} times; {percent(coverage.level, 0)} should.
        </p>
      )}
    </Card>
  )
}

/** Checkpoints below which most verdicts cannot apply. */
const FEWEST = 6

/** It is no good news while EM surely falls, or surely moves with the tokens, or while there are too few checkpoints to tell. */
function NoVerdict ({ suite: { points, trend: { em, em_per_percent_of_tokens: perPercent } } }: { suite: Suite }) {
  if (em !== null && em.high !== null && em.high < 0) return <p class='verdict warn'><span aria-hidden='true'>△</span> No verdict applies to the newest checkpoints, but EM falls.</p>
  const side = sideOf(perPercent)
  if (side === 0 && points.length < FEWEST) return <p class='note'>No verdict yet: most take {FEWEST} checkpoints or more.</p>
  if (side === 0) return <p class='calm'><span aria-hidden='true'>✓</span> No verdict applies to the newest checkpoints.</p>
  return (
    <p class='verdict'>
      <span aria-hidden='true'>△</span> No verdict applies to the newest checkpoints, but EM {side > 0 ? 'rises and falls with the tokens' : 'falls as the tokens rise, and rises as they fall'}.
    </p>
  )
}
