import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { parse } from 'yaml'
import { temporaryFolder, until } from '../../helper.js'
import { freePort } from '../../redis-server.js'
import { ALERTMANAGER, amtoolAccepts, withoutAlertmanager } from './promtool.js'

const CONFIG = 'docker/prometheus/alertmanager.yml'

t.test('the example inhibits alerts that exist', async (t) => {
  const rules = parse(await readFile('docker/prometheus/rules.yml', 'utf8'))
  const alerts: string[] = rules.groups.flatMap((group: any) => group.rules.map(({ alert }: any) => alert))
  const { inhibit_rules: inhibitions } = parse(await readFile(CONFIG, 'utf8'))
  for (const matcher of inhibitions.flatMap((rule: any) => [...rule.source_matchers, ...rule.target_matchers])) {
    const [, prefix, names] = /^alertname=~?"(\w+)(?:\(([\w|]+)\))?"$/.exec(matcher)!
    for (const name of (names ?? '').split('|')) t.ok(alerts.includes(prefix! + name), prefix! + name)
  }
})

t.test('amtool accepts the example', { skip: withoutAlertmanager }, (t) => amtoolAccepts(t, ['check-config', CONFIG]))

t.test('a real Alertmanager with the example notifies of a dead store once', { skip: withoutAlertmanager }, async (t) => {
  const address = `127.0.0.1:${await freePort()}`
  const child = spawn(ALERTMANAGER!, [
    `--config.file=${CONFIG}`, `--storage.path=${await temporaryFolder(t)}`, `--web.listen-address=${address}`, '--cluster.listen-address=', '--log.level=error',
  ], { stdio: 'ignore' })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const url = `http://${address}/api/v2/alerts`
  const alert = (name: string, job = 'stopgate') => ({ labels: { alertname: `Stopgate${name}`, job, severity: 'warning' } })
  const alerts = ['StoreDown', 'SnapshotStale', 'NoLearner', 'Refusing', 'LargeLoss', 'ConfigurationDiffers'].map((name) => alert(name))
  const body = JSON.stringify([...alerts, alert('SnapshotStale', 'other')])
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
  await until('it takes the alerts', async () => (await fetch(url, init).catch(() => null))?.ok)
  const active = await until('all are known', async () => {
    const known = await (await fetch(url)).json() as any[]
    if (known.length < 7 || known.some(({ status }) => status.state === 'unprocessed')) return undefined
    return known.filter(({ status }) => status.state === 'active').map(({ labels }) => `${labels.job} ${labels.alertname}`)
  })
  t.same(active.sort(), ['other StopgateSnapshotStale', 'stopgate StopgateConfigurationDiffers', 'stopgate StopgateLargeLoss', 'stopgate StopgateStoreDown'])
})
