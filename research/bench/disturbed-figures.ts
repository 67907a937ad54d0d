import { setTimeout } from 'node:timers/promises'
import { refusedOf, spreadOf, type Figure } from './figure.js'
import type { LoadResult } from './generator.js'
import type { Load } from './load.js'
import { end, startRedis, type Generator, type Server } from './processes.js'
import { seededServer } from './seeded-server.js'
import { leafOf } from '../../test/store/seeded-state.js'
import { json, stepsOf } from './steps.js'

const bodies = json(stepsOf(256, 200))
/** Interval of scrapes, far shorter than that of Prometheus. */
const SCRAPE_MS = 250
const headers = { 'content-type': 'application/json' }

/** Latency of single decisions on one connection while other work runs, compared with undisturbed ones, with the most contexts. */
export async function disturbedFigures (generator: Generator, load: Load): Promise<Figure[]> {
  const { contexts, rounds, windowMs } = load
  const redis = await startRedis(true)
  const service = await seededServer(contexts.at(-1)!, redis.url, null) // not pinned to one core, which the learner's thread would share
  const measure = () => generator.ask({ url: service.url, path: '/v1/decisions', bodies, connections: 1, ms: windowMs })
  const figures: Figure[] = []

  async function compare (name: string, begin: () => () => Promise<void> | void, times = rounds): Promise<void> {
    const calm: LoadResult[] = []
    const disturbed: LoadResult[] = []
    for (let round = 0; round < times; round++) {
      calm.push(await measure())
      const stop = begin()
      disturbed.push(await measure())
      await stop()
    }
    for (const [label, latency] of [['p50', (one: LoadResult) => one.p50Us], ['p99', (one: LoadResult) => one.p99Us]] as const) {
      const ratio = spreadOf(disturbed.map((one, i) => latency(one) / latency(calm[i]!)))
      figures.push({ name: `decision while ${name}: ${label}`, unit: 'us', value: spreadOf(disturbed.map(latency)), note: `${ratio.median.toFixed(2)} of undisturbed${refusedOf(disturbed)}` })
    }
  }

  await measure()
  await compare('the learner is busy', () => repeat(() => report(service)))
  await compare('/metrics is scraped', () => repeat(async () => {
    await (await fetch(`${service.url}/metrics`)).text()
    await setTimeout(SCRAPE_MS)
  }))
  await compare('Redis is paused', () => {
    redis.child.kill('SIGSTOP')
    return () => { redis.child.kill('SIGCONT') }
  })
  await compare('Redis is killed', () => {
    redis.child.kill('SIGKILL')
    return () => {}
  }, 1)
  await end(service.child)
  return figures
}

/** Repeats an action until it is stopped. */
function repeat (action: () => Promise<void>): () => Promise<void> {
  const over = new AbortController()
  const loop = (async () => { while (!over.signal.aborted) await action() })()
  return async () => {
    over.abort()
    await loop
  }
}

let reported = 0

async function report ({ url }: Server): Promise<void> {
  const steps = Array.from({ length: 10 }, (_, i) => ({ tokens: 10 * (i + 1), confidence: 0.09 * (i + 1), em: 1 }))
  const outcomes = Array.from({ length: 256 }, () => ({ generation_id: `bench-${++reported}`, arm: 'control', tokens: 100, em: 1, context: leafOf(reported % 1000), steps }))
  await (await fetch(`${url}/v1/outcomes/batch`, { method: 'POST', headers, body: JSON.stringify({ outcomes }) })).text()
}
