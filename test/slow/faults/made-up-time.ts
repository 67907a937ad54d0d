import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder, until } from '../../helper.js'
import { RULES } from './real-prometheus.js'

/** The metrics that the rules read; promtool needs no others. */
const READ = new Set(readFileSync(RULES, 'utf8').match(/\bstopgate[\w:]+/g))

interface Watched {
  /** `host:port`, of the job `stopgate` */
  readonly targets?: readonly string[]
  /** The same, of the job `proxy` */
  readonly proxies?: readonly string[]
}

type Meanwhile = () => Promise<unknown>

export type Watch = Awaited<ReturnType<typeof watchEvery>>

/**
 * Scrapes real services as Prometheus would, but at moments of a made-up time, and has promtool evaluate the rules as they are shipped,
 * once for each scrape. So an alert that waits for days needs some scrapes and no day.
 * @param minutes of made-up time from one scrape to the next: at most half of the range that a rule reads
 */
export async function watchEvery (t: Test, minutes: number, { targets = [], proxies = [] }: Watched) {
  const file = join(await temporaryFolder(t), 'history.json')
  const jobs = [...targets.map((target) => ['stopgate', target] as const), ...proxies.map((target) => ['proxy', target] as const)]
  const history = new Map<string, string[]>()
  /** When the scrapes were made, in real ms. */
  const scrapedAt: number[] = []

  /** The made-up time of the scrape that was the first after a real time. */
  const madeUp = (ms: number) => 60 * minutes * Math.max(scrapedAt.findIndex((at) => at >= ms), 0)
  const now = () => 60 * minutes * (scrapedAt.length - 1)

  /** A value in made-up time, if it is a time. */
  function translated (name: string, value: string): string {
    if (name.endsWith('_timestamp_seconds')) return String(madeUp(Number(value) * 1000))
    // A replica in step has an age, too, of some ms up to its next poll, which is no time between two scrapes.
    if (name !== 'stopgate_snapshot_age_seconds' || value === '+Inf') return value
    return String(now() - madeUp(scrapedAt.at(-1)! - 1000 * Math.max(Number(value) - 1, 0)))
  }

  function add (series: string, value: string) {
    const values = history.get(series) ?? Array<string>(scrapedAt.length - 1).fill('_')
    history.set(series, [...values, value])
  }

  async function scrape (): Promise<void> {
    const answers = await Promise.all(jobs.map(([, target]) => fetch(`http://${target}/metrics`).then((reply) => reply.text(), () => null)))
    scrapedAt.push(Date.now())
    for (const [i, [job, target]] of jobs.entries()) {
      const labels = `job="${job}",instance="${target}"`
      add(`up{${labels}}`, answers[i] === null ? '0' : '1')
      for (const [, name, own = '', value] of (answers[i] ?? '').matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)) {
        if (READ.has(name!)) add(`${name}{${labels}${own && `,${own}`}}`, translated(name!, value!))
      }
    }
    for (const values of history.values()) if (values.length < scrapedAt.length) values.push('stale')
  }

  /** What promtool says of the alerts that fire at the time of the last scrape, where none is expected. */
  async function evaluate (expected: object): Promise<string> {
    await writeFile(file, JSON.stringify({
      rule_files: [resolve(RULES)],
      evaluation_interval: `${minutes}m`,
      tests: [{ interval: `${minutes}m`, input_series: [...history].map(([series, values]) => ({ series, values: values.join(' ') })), ...expected }],
    }))
    return await new Promise((resolve, reject) => {
      execFile('promtool', ['test', 'rules', file], (error, stdout, stderr) => {
        if (error === null || stderr.includes('got:')) resolve(stderr)
        else reject(new Error(`promtool: ${stdout}${stderr}`, { cause: error }))
      })
    })
  }
  const evalTime = () => ({ eval_time: `${minutes * (scrapedAt.length - 1)}m` })

  /** The names of the alerts that fire, without `Stopgate`. */
  async function firing (): Promise<ReadonlySet<string>> {
    const said = await evaluate({ promql_expr_test: [{ expr: 'ALERTS{alertstate="firing"}', ...evalTime(), exp_samples: [] }] })
    return new Set([...said.matchAll(/alertname="Stopgate(\w+)"/g)].map(([, name]) => name!))
  }

  /** Scrapes until a condition on the alerts holds. */
  async function scrapeUntil (what: string, condition: (firing: ReadonlySet<string>) => boolean, meanwhile?: Meanwhile): Promise<void> {
    let names: ReadonlySet<string> = new Set()
    await until(what, async () => {
      await meanwhile?.()
      await scrape()
      names = await firing()
      return condition(names)
    }).catch((error) => {
      t.comment(`firing: ${[...names].join(', ')}`)
      throw error
    })
    t.pass(what)
  }

  await scrape()
  return {
    /** Lets made-up time pass. @param meanwhile traffic before each scrape */
    async pass (hours: number, meanwhile: Meanwhile = async () => {}): Promise<void> {
      for (let left = 60 * hours; left > 0; left -= minutes) {
        await meanwhile()
        await scrape()
      }
    },
    firing,
    /** Labels and annotations of an alert that fires, as promtool prints them. */
    said: (name: string) => evaluate({ alert_rule_test: [{ alertname: `Stopgate${name}`, ...evalTime(), exp_alerts: [] }] }),
    fires: (names: string | readonly string[], meanwhile?: Meanwhile) =>
      scrapeUntil(`${String(names)} fires`, (firing) => [names].flat().every((name) => firing.has(name)), meanwhile),
    ends: (name: string, meanwhile?: Meanwhile) => scrapeUntil(`${name} ends`, (firing) => !firing.has(name), meanwhile),
    silent: (meanwhile?: Meanwhile) => scrapeUntil('nothing fires', (firing) => firing.size === 0, meanwhile),
  }
}
