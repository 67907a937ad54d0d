import { once } from 'node:events'
import { connect, Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import type { FastifyRequest } from 'fastify'
import { pino } from 'pino'
import t from 'tap'
import { sha256 } from '../../../src/service/access/tokens.js'
import { refuseOverload } from '../../../src/service/http/overload.js'
import { build, until } from '../../helper.js'
import { stalled } from './stalled-client.js'

const json = { 'content-type': 'application/json' }
const MIB = 1024 * 1024

/** One turn of the event loop on a simulated clock. A request takes `ms` if it is served, and 0.04 ms if it is refused. */
function oneTurn () {
  const overload = refuseOverload(pino({ level: 'silent' }))
  let now = 0
  return {
    /** Each socket sends one request. @returns how many were served */
    ask (sockets: readonly Socket[], ms: number, bytes: number, role = 'worker') {
      let served = 0
      for (const socket of sockets) {
        try {
          overload.admit(requestOn(socket, bytes, role), now)
          served++
          now += ms
        } catch { now += 0.04 }
        overload.replied(requestOn(socket, bytes, role), now)
      }
      return served
    },
  }
}
const requestOn = (socket: Socket, bytes: number, role = 'worker') =>
  ({ raw: { socket }, headers: { 'content-length': String(bytes) }, route: { config: { role } } }) as unknown as FastifyRequest
const sockets = (count: number): Socket[] => Array.from({ length: count }, () => new Socket())

t.test('a crowd is served, however often a turn goes round its connections', async (t) => {
  const crowd = sockets(1000)
  const single = oneTurn()
  for (let round = 0; round < 40; round++) t.equal(single.ask(crowd, 0.9, 200), 1000, 'every connection gets its decision')
  const batches = oneTurn()
  for (let round = 0; round < 40; round++) t.equal(batches.ask(crowd, 0.14, 12_000), 1000, '256 steps each')
})

t.test('a crowd is cut short if waiting is worse than retrying', async (t) => {
  const single = oneTurn().ask(sockets(10_000), 0.2, 200)
  t.ok(single * 0.2 >= 1000 && single * 0.2 < 1001, `${single} served`)
  const batches = oneTurn().ask(sockets(10_000), 0.14, 12_000)
  t.ok(batches >= 1250 && batches <= 1251, `${batches} served: 0.14 n > 50 + 0.1 n from n = 1,250 on`)
})

t.test('a queue of costly requests is cut short after 50 ms, and its refusals do not extend it', async (t) => {
  const turn = oneTurn()
  const queue = sockets(300)
  const served = turn.ask(queue, 2, 50_000)
  t.ok(served >= 25 && served <= 28, `${served} served`)
  t.equal(turn.ask(sockets(3), 2, 50_000, 'operator'), 3, 'operators are not refused')
  t.equal(turn.ask(sockets(3), 2, 50_000, 'trainer'), 0)
  await setImmediate()
  t.equal(turn.ask(queue.slice(0, 20), 2, 50_000), 20, 'the next turn starts with an empty queue')
})

t.test('requests that come in one packet wait as long as those of other connections', async (t) => {
  const overload = refuseOverload(pino({ level: 'silent' }))
  const socket = new Socket()
  const request = requestOn(socket, 12_000)
  overload.admit(request, 0)
  t.throws(() => { overload.admit(request, 60) }, { code: 'OVERLOADED' }, 'a request that came before the reply to the one ahead of it is refused')
  overload.replied(request, 100)
  t.doesNotThrow(() => { overload.admit(request, 140) }, 'a request that came after the reply is served')
})

const SECRETS = { a: 'a'.repeat(43), b: 'b'.repeat(43) }
const ACCESS_TOKENS = JSON.stringify(Object.entries(SECRETS).map(([name, secret]) => ({ name, role: 'worker', sha256: sha256(secret) })))

t.test('a token gets a share of the room for large bodies', async (t) => {
  const { app } = await build(t, { ACCESS_TOKENS })
  const url = await app.listen({ port: 0 })
  const post = async (token: keyof typeof SECRETS) => (await fetch(`${url}/v1/decisions/batch`, {
    method: 'POST', headers: { ...json, authorization: `Bearer ${SECRETS[token]}` }, body: JSON.stringify({ pad: 'x'.repeat(2_000_000) }),
  })).status
  const headers = `content-length: ${4 * MIB}\r\nauthorization: Bearer ${SECRETS.a}`
  await until('its share is used up', async () => {
    if (await post('a') === 503) return true
    const socket = await stalled(t, url, '/v1/decisions/batch', headers) // one after the other: of many at once, a slow machine refuses all
    socket.write('x'.repeat(4 * MIB - 1024))
    return false
  })
  t.equal(await post('b'), 400, 'another token has room')
})

t.test('a token may hold a quarter of the room for large bodies, all tokens together all of it, and operators more', async (t) => {
  const overload = refuseOverload(pino({ level: 'silent' }))
  const hold = (tokenName: string, role = 'worker') => {
    overload.hold(Object.assign(requestOn(new Socket(), 4 * MIB, role), { tokenName }), 4 * MIB)
  }
  for (const token of ['a', 'b', 'c', 'd']) {
    for (let i = 0; i < 16; i++) hold(token)
    t.throws(() => { hold(token) }, { code: 'OVERLOADED' }, token)
  }
  hold('e')
  t.throws(() => { hold('e') }, { code: 'OVERLOADED' }, '65 bodies fill the room, without the first 64 KiB of each')
  t.doesNotThrow(() => { hold('f', 'operator') })
})

t.test('the bodies of one connection share a listener', async (t) => {
  const overload = refuseOverload(pino({ level: 'silent' }))
  const socket = new Socket()
  const requests = Array.from({ length: 32 }, () => requestOn(socket, MIB))
  for (const request of requests) overload.hold(request, MIB)
  t.equal(socket.listenerCount('close'), 1)
  for (const request of requests) overload.replied(request, 0)
  t.equal(socket.listenerCount('close'), 1)
})

const REQUEST = 'GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n'

t.test('a few pipelined requests are answered, and a thousand close the connection', async (t) => {
  const { app, metrics } = await build(t)
  await app.listen({ port: 0 })
  const { port } = app.server.address() as { port: number }
  let handled = 0
  app.server.on('request', (_request, reply) => { reply.once('finish', () => { handled++ }) })
  const client = connect(port, '127.0.0.1').setEncoding('utf8')
  t.teardown(() => { client.destroy() })
  const answers = async (count: number) => {
    let text = ''
    for await (const [chunk] of on(client)) if ((text += chunk).split('{"status":"ok"}').length > count) return
  }
  for (let i = 0; i < 3; i++) {
    client.write(REQUEST.repeat(32))
    await answers(32)
  }
  t.equal(handled, 96)
  client.on('error', () => {})
  client.write(REQUEST.repeat(1000))
  await once(client, 'close')
  t.ok(handled < 96 + 64, `${handled - 96} more were answered`)
  t.match(await metrics.render(), 'stopgate_connections_cut_total{cause="pipelined"} 1\n')
  t.equal((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200, 'others are not')
})

const on = (client: ReturnType<typeof connect>) => ({
  async * [Symbol.asyncIterator] () { for (;;) yield await once(client, 'data') as [string] },
})
