import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { parse, stringify } from 'yaml'
import { idleProxyMetrics } from '../../docker/exported-metrics.js'
import { build, temporaryFolder } from '../../helper.js'
import { promtoolAccepts, withoutPrometheus } from './promtool.js'

const RULES = 'docker/prometheus/rules.yml'
const CASES = ['test/slow/docker/rules-cases.yaml', 'test/slow/docker/rules-cases-long.yaml']

t.test('every alert fires in some case', async (t) => {
  const cases = (await Promise.all(CASES.map((file) => readFile(file, 'utf8')))).join('')
  for (const { rules } of parse(await readFile(RULES, 'utf8')).groups) {
    for (const { alert } of rules) t.ok(cases.includes(`'{alertname="${alert}"}'`), alert)
  }
})

t.test('promtool accepts the rules and their cases', { skip: withoutPrometheus }, async (t) => {
  await promtoolAccepts(t, ['check', 'rules', '--lint-fatal', RULES])
  await promtoolAccepts(t, ['check', 'config', '--lint-fatal', 'docker/prometheus/prometheus.yml'])
  await promtoolAccepts(t, ['test', 'rules', ...CASES])
})

t.test('Prometheus can parse every query of the dashboard', { skip: withoutPrometheus }, async (t) => {
  const { panels } = JSON.parse(await readFile('docker/grafana/dashboards/stopgate.json', 'utf8'))
  const queries: string[] = panels.flatMap(({ targets = [] }: any) => targets.map(({ expr }: any) => expr))
  const rules = queries.map((expr, i) => ({ record: `query:${i}`, expr: expr.replaceAll('$__rate_interval', '1m') }))
  const file = join(await temporaryFolder(t), 'queries.yml')
  await writeFile(file, stringify({ groups: [{ name: 'queries', rules }] }))
  await promtoolAccepts(t, ['check', 'rules', file])
})

t.test('promtool has nothing to say against the metrics of the service and of the proxy', { skip: withoutPrometheus }, async (t) => {
  const { send } = await build(t)
  await send('POST', '/v1/decisions', { tokens: 32, confidence: 1 })
  await promtoolAccepts(t, ['check', 'metrics'], (await send('GET', '/metrics')).body)
  await promtoolAccepts(t, ['check', 'metrics'], await idleProxyMetrics())
})
