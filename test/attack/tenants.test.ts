import t from 'tap'
import { type Attacker, attack, JSON_TYPE, repeatedly } from './victim.js'

// What one client can do to the others. To add an attack, add a line: each runs beside a well-behaved tenant.

const MIB = 2 ** 20
const BATCH = '/v1/decisions/batch'

const post = ({ url, signal }: Attacker, path: string, body: string, headers: Record<string, string>, method = 'POST') =>
  fetch(url + path, { method, signal, headers: { ...JSON_TYPE, ...headers }, body }).then((reply) => reply.text())

const ATTACKS: Readonly<Record<string, (attacker: Attacker) => Promise<unknown>>> = {
  'bodies of which one byte comes, without a token': async ({ open }) => {
    await Promise.all(Array.from({ length: 1000 }, () => open('/v1/outcomes', 1000, '{')))
  },
  'room that is reserved and not used': async ({ open, worker }) => {
    await Promise.all(Array.from({ length: 100 }, () => open(BATCH, 4 * MIB, '{', worker)))
  },
  'large bodies that lack their end': async ({ open, worker }) => {
    await Promise.all(Array.from({ length: 20 }, () => open(BATCH, 4 * MIB, 'x'.repeat(4 * MIB - 1024), worker)))
  },
  'nested bodies': (attacker) => {
    const nested = '['.repeat(2 * MIB) + ']'.repeat(2 * MIB)
    return repeatedly(attacker, 500, () => post(attacker, BATCH, nested, attacker.worker))
  },
  'bodies of a great many small objects': (attacker) => {
    const many = `[${'{},'.repeat(MIB)}{}]`
    return repeatedly(attacker, 500, () => post(attacker, BATCH, many, attacker.worker))
  },
  'a flood of policies': (attacker) => repeatedly(attacker, 0, (round) =>
    post(attacker, `/v1/contexts/model=evil,task=t${round}/policy`, '{"max_em_drop":0.03}', attacker.operator, 'PUT')),
  'a flood of contexts and ids': (attacker) => repeatedly(attacker, 100, (round) => {
    const outcomes = Array.from({ length: 100 }, (_, i) =>
      ({ generation_id: `e${round}-${i}`, arm: 'control', context: { model: 'evil', task: `t${round}-${i}` }, tokens: 64, em: 1, steps: [] }))
    return post(attacker, '/v1/outcomes/batch', JSON.stringify({ outcomes }), attacker.worker)
  }),
  'all streams of events': async ({ operator, signal, url }) => {
    await Promise.allSettled(Array.from({ length: 200 }, () => fetch(`${url}/v1/events`, { headers: operator, signal }).then((reply) => reply.text())))
  },
}

for (const [name, run] of Object.entries(ATTACKS)) {
  t.test(name, async (t) => {
    const service = await attack(t, { MAX_CONTEXTS: '200' }, run)
    t.equal((await service.get('/livez')).status, 200)
    service.child.kill('SIGTERM')
    t.match(await service.exited, { code: 0 }, 'the service closes in order')
  })
}
