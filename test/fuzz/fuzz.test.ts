import { Writable } from 'node:stream'
import { pino } from 'pino'
import t from 'tap'
import { build } from '../helper.js'
import { freePort } from '../redis-server.js'
import { contentOf } from '../store/fixtures.js'
import { bombard, prepare, sendRaw } from './bombard.js'

// Every operation of the OpenAPI document, with requests that it allows and such as it does not. At full volume: npm run fuzz

const REQUESTS = Number(process.env.REQUESTS ?? 800)
const SEED = Number(process.env.SEED ?? 7)
/** Everything is logged, so that whatever a request can do in a log line is done. */
const nowhere = () => pino({ level: 'trace' }, new Writable({ write (_chunk, _encoding, done) { done() } }))

t.test(`${REQUESTS} requests: none is a 5xx, hangs, has a reply of another form, or changes anything when it is refused`, { timeout: 60_000 + REQUESTS * 20 }, async (t) => {
  const built = await build(t, { MAX_CONTEXTS: '200' }, nowhere()) // a rollback looks at each
  await prepare(built)
  const { statuses, rejected } = await bombard(t, built, REQUESTS, { seed: SEED })
  t.comment(`statuses: ${[...statuses].sort(([a], [b]) => a - b).map((pair) => pair.join(' x ')).join(', ')}`)
  for (const status of [200, 202, 204, 400, 404, 415]) t.ok(statuses.get(status), `some were answered ${status}`)
  t.notOk(Object.keys(Object.prototype).length || 'polluted' in {}, 'no prototype was polluted')

  await built.learner.close() // so that nothing moves by itself
  let compared = 0
  for (const request of rejected.filter((_, i) => i % Math.ceil(rejected.length / 100) === 0)) {
    const before = await contentOf(built.store)
    if ((await sendRaw(built, request)).status < 400) continue
    compared++
    t.same(await contentOf(built.store), before, `${request.method} ${request.url}`)
  }
  t.ok(compared > 50, `${compared} refused again, with the whole state compared`)
})

t.test('with the store down the same, but for 503', async (t) => {
  const built = await build(t, { REDIS_URL: `redis://127.0.0.1:${await freePort()}` }, nowhere())
  const { statuses } = await bombard(t, built, Math.min(REQUESTS, 1000), { seed: SEED, allowed: [503] })
  t.ok(statuses.get(503), 'some were')
  t.ok(statuses.get(200), 'decisions were not')
})
