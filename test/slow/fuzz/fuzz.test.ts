import { Writable } from 'node:stream'
import { pino } from 'pino'
import t from 'tap'
import { build } from '../../helper.js'
import { freePort } from '../../redis-server.js'
import { contentOf } from '../../store/fixtures.js'
import { bombard, prepare, sendRaw } from './bombard.js'

// Sends valid and invalid requests to every operation of the OpenAPI document. `npm run fuzz` sends 100,000.

const REQUESTS = Number(process.env.REQUESTS ?? 800)
const SEED = Number(process.env.SEED ?? 7)
/** Logs at the lowest level, so that every log line that a request can cause is formatted. */
const nowhere = () => pino({ level: 'trace' }, new Writable({ write (_chunk, _encoding, done) { done() } }))

t.test(`none of ${REQUESTS} requests causes a 5xx, hangs, gets a reply that the document does not describe, or changes state when it is rejected`, { timeout: 600_000 + REQUESTS * 20 }, async (t) => {
  const built = await build(t, { MAX_CONTEXTS: '200' }, nowhere())
  await prepare(built)
  const { statuses, rejected } = await bombard(t, built, REQUESTS, { seed: SEED })
  t.comment(`statuses: ${[...statuses].sort(([a], [b]) => a - b).map((pair) => pair.join(' x ')).join(', ')}`)
  for (const status of [200, 202, 204, 400, 404, 415]) t.ok(statuses.get(status), `some were answered ${status}`)
  t.notOk(Object.keys(Object.prototype).length || 'polluted' in {}, 'no prototype was polluted')

  await built.learner.close() // so that only requests change the state
  let compared = 0
  for (const request of rejected.filter((_, i) => i % Math.ceil(rejected.length / 100) === 0)) {
    const before = await contentOf(built.store)
    if ((await sendRaw(built, request)).status < 400) continue
    compared++
    t.same(await contentOf(built.store), before, `${request.method} ${request.url}`)
  }
  t.ok(compared > 50, `${compared} rejected requests left the whole state unchanged`)
})

t.test('while the store is down the only 5xx is 503', async (t) => {
  const built = await build(t, { REDIS_URL: `redis://127.0.0.1:${await freePort()}` }, nowhere())
  const { statuses } = await bombard(t, built, Math.min(REQUESTS, 1000), { seed: SEED, allowed: [503] })
  t.ok(statuses.get(503), 'some requests were answered 503')
  t.ok(statuses.get(200), 'decisions were still answered')
})
