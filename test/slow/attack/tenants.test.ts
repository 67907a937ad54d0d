import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { type Attacker, attack, inParallel, JSON_TYPE, repeatedly, startAttacked, startVictim } from './victim.js'

// What one client can do to the others. To add an attack, add a line: each runs beside a well-behaved tenant.

const MIB = 2 ** 20
const BATCH = '/v1/decisions/batch'
const LARGE = Buffer.alloc(4 * MIB - 1024, 'x')

/** Reads of an operator, and a dry run. */
const READS = [
  '/v1/contexts?limit=200', '/v1/fleet', '/v1/fleet/contexts?limit=500', '/v1/contexts/model=evil', '/v1/contexts/model=evil/what-if', '/v1/contexts/model=evil/tradeoff',
  '/v1/history?limit=1000', '/v1/bundle', '/v1/stops', 'PUT /v1/contexts/model=evil/policy?dry_run=true',
]
const OPEN = ['/readyz', '/openapi.json', '/docs/json', '/', '/metrics', '/v1/contexts']

const post = ({ url }: Attacker, path: string, body: string, headers: Record<string, string>, method = 'POST') =>
  fetch(url + path, { method, headers: { ...JSON_TYPE, ...headers }, body }).then((reply) => reply.text())

type Attacks = Readonly<Record<string, (attacker: Attacker) => Promise<unknown>>>

/** Attacks that leave nothing in the store, and so may follow each other on one service. */
const PASSING: Attacks = {
  'bodies of which one byte comes, without a token': async ({ open }) => {
    await Promise.all(Array.from({ length: 1000 }, () => open('/v1/outcomes', 1000, '{')))
  },
  'room that is reserved and not used': async ({ open, worker }) => {
    await Promise.all(Array.from({ length: 100 }, () => open(BATCH, 4 * MIB, '{', worker)))
  },
  'large bodies that lack their end': async ({ open, worker }) => {
    await Promise.all(Array.from({ length: 20 }, () => open(BATCH, 4 * MIB, LARGE, worker)))
  },
  'nested bodies': (attacker) => {
    const nested = '['.repeat(2 * MIB) + ']'.repeat(2 * MIB)
    return repeatedly(attacker, 200, () => post(attacker, BATCH, nested, attacker.worker))
  },
  'bodies of a great many small objects': (attacker) => {
    const many = `[${'{},'.repeat(MIB)}{}]`
    return repeatedly(attacker, 200, () => post(attacker, BATCH, many, attacker.worker))
  },
  'dry runs and reads of an operator': (attacker) => inParallel(attacker, 8, (round) => {
    const path = READS[round % READS.length]!
    if (path.startsWith('PUT ')) return post(attacker, path.slice(4), '{"max_em_drop":0.03}', attacker.operator, 'PUT')
    return fetch(attacker.url + path, { headers: attacker.operator }).then((reply) => reply.text())
  }),
  'thousands of reads of an operator at once': async ({ operator, signal, strike, url }) => {
    const { port } = new URL(url)
    const read = `GET /v1/contexts?limit=200 HTTP/1.1\r\nhost: localhost\r\nauthorization: ${operator.authorization}\r\n\r\n`
    const sockets = Array.from({ length: 200 }, () => connect(Number(port), '127.0.0.1', strike).on('error', () => {}).pause())
    for (const socket of sockets) socket.write(read.repeat(32))
    await once(signal, 'abort')
    for (const socket of sockets) socket.destroy()
  },
  'reads that need no token': (attacker) => inParallel(attacker, 16, (round) =>
    fetch(attacker.url + OPEN[round % OPEN.length]!).then((reply) => reply.text())),
  'batches of as many contexts as steps': (attacker) => repeatedly(attacker, 20, (round) => post(attacker, '/v1/decisions/batch', JSON.stringify({
    steps: Array.from({ length: 2048 }, (_, i) => ({
      context: { model: 'evil', task: `c${round}-${i}` }, generation_id: `c${round}-${i}`, tokens: 32, confidence: 0.5,
    })),
  }), attacker.worker)),
  'all streams of events': async ({ operator, signal, strike, url }) => {
    const stream = async () => {
      const reply = await fetch(`${url}/v1/events`, { headers: operator, signal })
      strike()
      await reply.text()
    }
    const streams = Promise.allSettled(Array.from({ length: 200 }, stream))
    await Promise.race([streams, once(signal, 'abort')]) // the fetch of Node.js 20 may never settle if it is aborted amid a zipped reply
  },
}

/** Attacks that fill the store: each has a service of its own, which is empty. */
const LASTING: Attacks = {
  'a flood of policies': (attacker) => repeatedly(attacker, 0, (round) =>
    post(attacker, `/v1/contexts/model=evil,task=t${round}/policy?create=true`, '{"max_em_drop":0.03}', attacker.operator, 'PUT')),
  'a flood of contexts and ids': (attacker) => repeatedly(attacker, 100, (round) => {
    const outcomes = Array.from({ length: 100 }, (_, i) =>
      ({ generation_id: `e${round}-${i}`, arm: 'control', context: { model: 'evil', task: `t${round}-${i}` }, tokens: 64, em: 1, steps: [] }))
    return post(attacker, '/v1/outcomes/batch', JSON.stringify({ outcomes }), attacker.worker)
  }),
  'policies that are set and removed': (attacker) => inParallel(attacker, 8, (round) =>
    post(attacker, `/v1/contexts/model=evil,task=t${round >> 1}/policy${round % 2 === 0 ? '?create=true' : ''}`, '{"max_em_drop":0.03}', attacker.operator, round % 2 === 0 ? 'PUT' : 'DELETE')),
  'a flood of pins': (attacker) => inParallel(attacker, 8, (round) =>
    post(attacker, `/v1/contexts/model=evil,task=t${round}/pin?create=true`, '{"threshold":0.9,"reason":"x"}', attacker.operator, 'PUT')),
  'enrolments and probe forms in new contexts': (attacker) => repeatedly(attacker, 20, (round) => {
    const context = { model: 'evil', task: `p${round}` }
    const form = { name: 'plain', suffix: 'Final answer:', before: '', after: '', tokens: 4 }
    return Promise.all([
      post(attacker, '/v1/probe-forms', JSON.stringify({ context, finding: { form, is_stated: false, generations: 20, tried: [] } }), attacker.worker),
      post(attacker, '/v1/enrolments', JSON.stringify({
        context, epoch: null, share: 1, age_ms: 0, generations: Array.from({ length: 1000 }, (_, i) => ({ generation_id: `p${round}-${i}` })),
      }), attacker.worker),
    ])
  }),
}

async function beside (t: Test, attacks: Attacks): Promise<void> {
  const service = await startAttacked(t, { MAX_CONTEXTS: process.env.MAX_CONTEXTS ?? '200' })
  const watch = await startVictim(t, await service.url(), 'tenant')
  for (const [name, run] of Object.entries(attacks)) {
    await t.test(name, async (t) => {
      await attack(t, await service.url(), watch, run)
      t.equal((await service.get('/livez')).status, 200)
    })
  }
  service.child.kill('SIGTERM')
  t.match(await service.exited, { code: 0 }, 'the service closes in order')
}

t.test('a tenant is served beside attacks that leave nothing', (t) => beside(t, PASSING))

for (const [name, run] of Object.entries(LASTING)) t.test(`a tenant is served beside ${name}`, (t) => beside(t, { [name]: run }))
