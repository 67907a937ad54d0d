import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder, until } from '../helper.js'
import { freePort } from '../redis-server.js'

/** How often this Prometheus scrapes and evaluates. */
const EVERY = '250ms'
/** The length of each duration of the rules in the test. */
const FOR = '1s'
const RANGE = '5s'
const STALE_AFTER = 2

/** The rules as they are, but with the times of a test. */
async function hurriedRules (): Promise<string> {
  const rules = await readFile('docker/prometheus/rules.yml', 'utf8')
  return rules
    .replaceAll(/^( +for): \w+$/gm, `$1: ${FOR}`)
    .replaceAll(/\[\d+[mhd]\]/g, `[${RANGE}]`)
    .replaceAll(/\}\) < 3600$/gm, '}) < 20')
    .replace('stopgate_snapshot_age_seconds > 30', `stopgate_snapshot_age_seconds > ${STALE_AFTER}`)
}

interface Alert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly state: 'pending' | 'firing'
}

/** A Prometheus with the rules of docker/prometheus, hurried, that scrapes one service. It ends with the test. */
export async function startPrometheus (t: Test, target: string): Promise<{ readonly firing: () => Promise<Alert[]> }> {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'rules.yml'), await hurriedRules())
  await writeFile(join(folder, 'prometheus.yml'), `
global: { scrape_interval: ${EVERY}, scrape_timeout: ${EVERY}, evaluation_interval: ${EVERY} }
rule_files: [rules.yml]
scrape_configs:
  - { job_name: stopgate, static_configs: [{ targets: ['${target}'] }] }
`)
  const address = `127.0.0.1:${await freePort()}`
  const child = spawn('prometheus', [
    `--config.file=${join(folder, 'prometheus.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=${address}`, '--log.level=warn',
  ], { stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (text) => { errors += text })
  process.once('exit', () => { child.kill('SIGKILL') }) // a test that crashes runs no teardown
  t.teardown(async () => {
    if (child.exitCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const get = async (path: string) => (await (await fetch(`http://${address}/api/v1/${path}`)).json() as any).data
  await until('Prometheus has scraped', async () => {
    if (child.exitCode !== null) throw new Error(`Prometheus did not start: ${errors}`)
    const { result } = await get('query?query=count_over_time(up[1m])>3').catch(() => ({ result: [] }))
    return result.length > 0
  })
  return {
    firing: async () => (await get('alerts')).alerts.filter(({ state }: Alert) => state === 'firing'),
  }
}
