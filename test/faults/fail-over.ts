import type { Test } from 'tap'
import { certify, CONTEXT } from '../certify.js'
import { build, until } from '../helper.js'
import { DURABLE } from '../redis-server.js'
import { admin, type Fleet } from './redis-fleet.js'
import { treatedGenerations, treatedOutcome } from './treated-outcome.js'

const treated = { arm: 'treated', tokens: 32, confidence: 0.99, context: CONTEXT }

/** The master of a real fleet hangs, its replica is promoted, and the old master comes back. */
export async function failOver (t: Test, start: (t: Test, settings: typeof DURABLE) => Promise<Fleet>): Promise<void> {
  const { url, master, replica, loseOne } = await start(t, DURABLE)
  const built = await build(t, { REDIS_URL: url, POLL_SECONDS: '0.2', LEASE_SECONDS: '0.5' })
  const { send } = built
  await until('Redis is reached', async () => (await send('GET', '/readyz')).status === 200)
  await certify(built)
  const learned = () => treatedGenerations((path) => send('GET', path))
  const acknowledged: string[] = []
  const report = async (id: string) => {
    const { status } = await send('POST', '/v1/outcomes', treatedOutcome(id))
    if (status === 202) acknowledged.push(id)
    return status
  }
  t.equal(await report('before'), 202)
  await until('it is learned', async () => await learned() === 1)
  await until('the replica has it', () => admin(t, replica).exists('{stopgate}:seen:before').catch(() => true))

  await loseOne()
  master.pause()
  t.equal(await report('during'), 503, 'the outcome is refused while there is no master')
  t.match(await send('POST', '/v1/decisions', treated), { body: { decision: 'stop' } }, 'decisions continue')
  t.match(await send('GET', '/readyz'), { status: 200, body: { store: { up: false }, warnings: [/cannot be reached/] } })
  t.match((await send('GET', '/metrics')).body, 'stopgate_store_up 0\n')
  await until('outcomes are taken again', async () => await report('during') === 202)
  await until('it is learned, once', async () => await learned() === 2)
  t.match(await send('POST', '/v1/decisions', treated), { body: { decision: 'stop', stale: false } })

  master.resume()
  await until('the old master is a replica', async () => /role:slave/.test(await admin(t, master).info('replication').catch(() => '')))
  await until('it is taken', async () => await report('after') === 202)
  await until('it is learned, once', async () => await learned() === 3)
  for (const id of acknowledged) {
    t.match(await send('POST', '/v1/outcomes', treatedOutcome(id)), { status: 202, body: { accepted: 0, duplicates: 1 } }, `${id} is a duplicate`)
  }
  t.match(await send('GET', '/readyz'), { status: 200, body: { store: { up: true }, warnings: [/REDIS_WAIT_REPLICAS=1/] } })
}
