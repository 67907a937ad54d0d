import { readFile } from 'node:fs/promises'
import t from 'tap'
import { exportedMetrics, metricsIn } from './exported-metrics.js'

interface Panel { readonly title: string, readonly targets?: readonly { readonly expr: string }[] }

const dashboard = JSON.parse(await readFile('docker/grafana/dashboards/stopgate.json', 'utf8'))
const queries = (dashboard.panels as Panel[]).flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })))

t.test('the service and the proxy export every metric that the dashboard shows', async (t) => {
  const exported = await exportedMetrics(t)
  for (const { title, expr } of queries) {
    const names = metricsIn(expr)
    for (const name of names) t.ok(exported.has(name), `${title}: ${name}`)
    t.ok(names.length > 0 || expr.startsWith('sum(up'), `${title} shows a metric`)
  }
})

t.test('the dashboard shows the metrics that operators look at first', async (t) => {
  const shown = queries.map(({ expr }) => expr).join('\n')
  for (const name of [
    'decisions_total', 'decision_duration_seconds_bucket', 'outcome_log_lag', 'store_up', 'drift_alarms_total',
    'breaches_total',
    'context_tokens_saved_ratio', 'context_em_drop', 'context_threshold', 'context_follow_up_ratio',
    'proxy_generations_total', 'proxy_passed_total', 'proxy_circuit_open', 'proxy_first_token_added_seconds_bucket',
  ]) t.match(shown, `stopgate_${name}`)
})
