import { spreadOf, type Figure } from './figure.js'
import type { Load } from './load.js'
import { end, LOAD_CORE, processorSeconds, startRedis, startServer, type Generator } from './processes.js'
import { seededServer } from './seeded-server.js'
import { SEEDED_ENV } from './seeded-state.js'
import { columnsOf, json } from './steps.js'

const ROWS = 256
const bodies = json([1, 2, 3, 4].map((seed) => columnsOf(ROWS, seed)))

/**
 * What a second replica adds: processor time a decision is what more cores multiply. The second one runs on the generator's core here,
 * so requests a second would show that core's contention and not the replica.
 */
export async function replicaFigures (generator: Generator, { rounds, windowMs }: Load): Promise<Figure[]> {
  const redis = await startRedis(true)
  const one = await seededServer(1000, redis.url)
  const other = await startServer({ ...SEEDED_ENV, REDIS_URL: redis.url }, LOAD_CORE)
  const alone: number[] = []
  const together: number[] = []
  const path = '/v1/decisions/columns'
  for (let round = 0; round < rounds; round++) {
    const before = await processorSeconds(one.child)
    const { requests } = await generator.ask({ url: one.url, path, bodies, connections: 4, ms: windowMs })
    alone.push((await processorSeconds(one.child) - before) / requests / ROWS * 1e9)
    const both = await processorSeconds(one.child) + await processorSeconds(other.child)
    const first = await generator.ask({ url: one.url, path, bodies, connections: 4, ms: windowMs / 2 })
    const second = await generator.ask({ url: other.url, path, bodies, connections: 4, ms: windowMs / 2 })
    const used = await processorSeconds(one.child) + await processorSeconds(other.child) - both
    together.push(used / (first.requests + second.requests) / ROWS * 1e9)
  }
  for (const { child } of [one, other, redis]) await end(child)
  const row = (name: string, values: readonly number[]): Figure => {
    const perSecond = Math.round(1e9 / spreadOf(values).median).toLocaleString('en-GB')
    return {
      name: `processor time a decision, columns of 256, ${name}`, unit: 'ns', value: spreadOf(values), note: `${perSecond}/s a core`,
    }
  }
  return [row('1 replica', alone), row('2 replicas on one Redis', together)]
}
