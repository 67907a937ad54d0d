import { readFile } from 'node:fs/promises'
import t from 'tap'
import { exportedMetrics, metricsIn } from './exported-metrics.js'

interface Panel {
  readonly id: number
  readonly title: string
  readonly gridPos: { readonly x: number, readonly y: number, readonly w: number, readonly h: number }
  readonly targets?: readonly { readonly expr: string }[]
}

const dashboard = JSON.parse(await readFile('docker/grafana/dashboards/stopgate.json', 'utf8'))
const panels: readonly Panel[] = dashboard.panels
const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })))

t.test('the service, the proxy and the plug-in export every metric that the dashboard shows', async (t) => {
  const exported = await exportedMetrics(t)
  for (const { title, expr } of queries) {
    const names = metricsIn(expr)
    for (const name of names) t.ok(exported.has(name), `${title}: ${name}`)
    t.ok(names.length > 0 || /\b(up|ALERTS)\{/.test(expr), `${title} shows a metric`)
  }
})

t.test('the dashboard shows the metrics that operators look at first', async (t) => {
  const shown = queries.map(({ expr }) => expr).join('\n')
  for (const name of [
    'decisions_total', 'decision_duration_seconds_bucket', 'outcome_log_lag', 'store_up', 'drift_alarms_total',
    'breaches_total', 'http_request_duration_seconds_count', 'pins', 'contexts_warned', 'damaged_total', 'build_info',
    'context_tokens_saved_ratio', 'context_em_drop', 'context_threshold', 'context_follow_up_ratio',
    'context_arm_em', 'context_em_difference', 'context_max_em_drop', 'context_open_enrolments', 'context_last_evidence_timestamp_seconds',
    'scorer_serving_contexts', 'predictor_fits_total', 'training_em', 'training_tokens_mean', 'training_verdict',
    'proxy_generations_total', 'proxy_passed_total', 'proxy_circuit_open', 'proxy_first_token_added_seconds_bucket',
  ]) t.match(shown, `stopgate_${name}`)
  for (const name of ['generations', 'passed', 'probes', 'faults']) t.match(shown, `stopgate:${name}_total`)
})

t.test('no panel covers another one', async (t) => {
  t.equal(new Set(panels.map(({ id }) => id)).size, panels.length, 'ids differ')
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => Array.from({ length: w * h }, (_, i) => `${x + i % w},${y + Math.floor(i / w)}`))
  t.equal(new Set(cells).size, cells.length)
})
