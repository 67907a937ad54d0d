import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder, until } from '../../helper.js'
import { freePort } from '../../redis-server.js'

export const RULES = 'docker/prometheus/rules.yml'
/** How often this Prometheus scrapes and evaluates. */
const EVERY = '250ms'

export interface Alert {
  readonly labels: Readonly<Record<string, string>>
}

export interface Prometheus {
  /** The alerts whose condition holds: they fire, or are pending until they have held for the time that their rule states. */
  readonly alerts: () => Promise<Alert[]>
}

/**
 * A Prometheus with the rules that are shipped, which scrapes services as the job `stopgate` every quarter of a second. It ends with the
 * test.
 * @param targets `host:port`
 */
export async function startPrometheus (t: Pick<Test, 'teardown'>, targets: readonly string[]): Promise<Prometheus> {
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'rules.yml'), await readFile(RULES, 'utf8'))
  await writeFile(join(folder, 'prometheus.yml'), `
global: { scrape_interval: ${EVERY}, scrape_timeout: ${EVERY}, evaluation_interval: ${EVERY} }
rule_files: [rules.yml]
scrape_configs:
  - { job_name: stopgate, static_configs: [{ targets: ${JSON.stringify(targets)} }] }
`)
  const address = `127.0.0.1:${await freePort()}`
  const child = spawn('prometheus', [
    `--config.file=${join(folder, 'prometheus.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=${address}`, '--log.level=warn',
  ], { stdio: ['ignore', 'ignore', 'pipe'] })
  let errors = ''
  child.stderr.on('data', (text) => { errors += text })
  const kill = () => { child.kill('SIGKILL') }
  process.once('exit', kill) // a test that crashes runs no teardown
  t.teardown(async () => {
    process.off('exit', kill)
    if (child.exitCode !== null) return
    kill()
    await once(child, 'exit')
  })
  const get = async (path: string) => (await (await fetch(`http://${address}/api/v1/${path}`)).json() as any).data
  await until('Prometheus has scraped', async () => {
    if (child.exitCode !== null) throw new Error(`Prometheus did not start: ${errors}`)
    const { result } = await get('query?query=count_over_time(up[1m])>3').catch(() => ({ result: [] }))
    return result.length > 0
  })
  return { alerts: async () => (await get('alerts')).alerts }
}
