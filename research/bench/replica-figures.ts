import { refusedOf, spreadOf, type Figure } from './figure.js'
import type { LoadResult } from './generator.js'
import type { Load } from './load.js'
import { end, familySeconds, startRedis, startServer, type Generator } from './processes.js'
import { seededServer } from './seeded-server.js'
import { SEEDED_ENV } from '../../test/store/seeded-state.js'
import { json, stepsOf } from './steps.js'

const ROWS = 256
const bodies = json([1, 2, 3, 4].map((seed) => ({ steps: stepsOf(ROWS, 4, seed).map((step) => ({ ...step, arm: 'treated' })) })))

/**
 * Measures several processes behind one port, with nothing pinned. Batches of 256 on eight connections cost the service ten times what they
 * cost the generator, and treated steps cause no traffic to Redis. So on two cores nearly two processes' worth of work can be done.
 */
export async function replicaFigures (generator: Generator, { rounds, windowMs }: Load): Promise<Figure[]> {
  const redis = await startRedis(true)
  const seeded = await seededServer(1000, redis.url)
  await end(seeded.child)
  const counts = [1, 2]
  const start = (count: number) => startServer({ ...SEEDED_ENV, REDIS_URL: redis.url, PROCESSES: String(count) }, null)
  const servers = await Promise.all(counts.map(start))
  const perSecond = counts.map((): number[] => [])
  const ns = counts.map((): number[] => [])
  const replies = counts.map((): LoadResult[] => [])
  for (let round = 0; round < rounds; round++) {
    for (const [i, { url, child }] of servers.entries()) {
      const before = await familySeconds(child)
      const reply = await generator.ask({ url, path: '/v1/decisions/batch', bodies, connections: 8, ms: windowMs })
      replies[i]!.push(reply)
      ns[i]!.push((await familySeconds(child) - before) / reply.requests / ROWS * 1e9)
      perSecond[i]!.push(reply.perSecond * ROWS)
    }
  }
  for (const { child } of [...servers, redis]) await end(child)
  return counts.flatMap((count, i): Figure[] => {
    const name = `batch of 256, treated, ${count} ${count === 1 ? 'process' : 'processes behind one port'}`
    return [
      { name, unit: 'decisions/s', value: spreadOf(perSecond[i]!), note: `${(spreadOf(perSecond[i]!).median / spreadOf(perSecond[0]!).median).toFixed(2)} of one process${refusedOf(replies[i]!)}` },
      { name: `${name}: processor time a decision`, unit: 'ns', value: spreadOf(ns[i]!) },
    ]
  })
}
