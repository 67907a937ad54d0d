import { quantile, spreadOf, type Figure } from './figure.js'
import type { Load } from './load.js'
import { end, startRedis, type Server } from './processes.js'
import { seededServer } from './seeded-server.js'
import { startServer } from './processes.js'
import { SEEDED_ENV } from '../../test/store/seeded-state.js'

const KEY = 'model=model-0,task=task-0'
const STEP = JSON.stringify({ arm: 'treated', tokens: 32, confidence: 0.5, context: { model: 'model-0', task: 'task-0' } })
const headers = { 'content-type': 'application/json' }

/** The time from sending a change to one replica until another one decides by it. */
export async function propagationFigures ({ changes }: Load): Promise<Figure[]> {
  const redis = await startRedis(true)
  const one = await seededServer(100, redis.url)
  const other = await startServer({ ...SEEDED_ENV, REDIS_URL: redis.url })
  const times: number[] = []
  for (let i = 0; i < changes; i++) times.push(await timeOf(one, other, i))
  for (const { child } of [one, other, redis]) await end(child)
  const sorted = times.toSorted((a, b) => a - b)
  const row = (name: string, q: number): Figure => ({ name: `a change on another replica: ${name}`, unit: 'ms', value: spreadOf([quantile(sorted, q)]) })
  return [row('p50', 0.5), row('p99', 0.99)]
}

async function timeOf (one: Server, other: Server, i: number): Promise<number> {
  const threshold = 0.2 + (i % 500) / 1000
  const startedAt = performance.now()
  const put = fetch(`${one.url}/v1/contexts/${encodeURIComponent(KEY)}/pin?create=true`, { method: 'PUT', headers, body: JSON.stringify({ threshold, reason: 'bench' }) })
  for (;;) {
    const decision = await (await fetch(`${other.url}/v1/decisions`, { method: 'POST', headers, body: STEP })).json() as { threshold: number }
    if (decision.threshold === threshold) break
    if (performance.now() - startedAt > 10_000) throw new Error('a change did not arrive')
  }
  const took = performance.now() - startedAt
  const { status } = await put
  if (status !== 200) throw new Error(`the pin was answered with ${status}`)
  return took
}
