import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { build, temporaryFolder, until } from '../../helper.js'
import { startRedis, withoutRedis } from '../../redis-server.js'
import { type Authority, makeAuthority, withoutOpenssl, type CertificateFiles } from '../../tls-certificates.js'

// Somebody between the service and Redis: as long as the service cannot be sure of Redis it stops nothing, says why, and sends no password.

const skip = withoutRedis || withoutOpenssl
const PASSWORD = 'secret-of-redis'
const STEP = { context: { model: 'm', task: 't' }, generation_id: 'g', tokens: 64, confidence: 1 }
const OUTCOME = { generation_id: 'g', arm: 'treated', context: { model: 'm', task: 't' }, tokens: 64, em: 1 }

async function listen (t: Test, server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => { sockets.add(socket.on('error', () => {})) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}

const read = ({ cert, key }: CertificateFiles) => ({ cert: readFileSync(cert), key: readFileSync(key) })

/** A port in front of Redis, with what it was sent in plain text. */
async function startFront (t: Test, redis: { readonly port: number }, make: (relay: (socket: Socket) => void) => Server) {
  const sent: string[] = []
  const relay = (socket: Socket) => {
    const to = connect(redis.port, '127.0.0.1').on('error', () => {})
    socket.on('data', (data) => {
      sent.push(data.toString('latin1'))
      to.write(data)
    }).on('close', () => { to.destroy() })
    to.on('data', (data) => { socket.write(data) }).on('close', () => { socket.destroy() })
  }
  return { port: await listen(t, make(relay)), sent: () => sent.join('') }
}

/** A service with such a port as its Redis, and the reasons that its log gives. */
async function startService (t: Test, port: number, ca: string, more: NodeJS.ProcessEnv = {}) {
  const reasons: string[] = []
  const log = pino({ level: 'warn' }, { write (line: string) { reasons.push(JSON.parse(line).reason ?? '') } })
  const REDIS_URL = `rediss://:${PASSWORD}@127.0.0.1:${port}`
  const { send } = await build(t, { REDIS_URL, REDIS_CA_FILE: ca, REDIS_TIMEOUT_MS: '500', ...more }, log)
  return { send, reason: () => reasons.filter(Boolean).at(-1) }
}

const FRONTS: Readonly<Record<string, { make: (files: Files) => (relay: (socket: Socket) => void) => Server, reason: RegExp }>> = {
  'an expired certificate': { make: ({ authority }) => (relay) => createTlsServer(read(authority.issueExpired('expired')), relay), reason: /certificate has expired/ },
  'the certificate of another host': { make: ({ authority }) => (relay) => createTlsServer(read(authority.issue('other', 'DNS:redis.example')), relay), reason: /does not match certificate's altnames/ },
  'a certificate of another authority': { make: ({ strangers }) => (relay) => createTlsServer(read(strangers.issue('stranger')), relay), reason: /unable to verify the first certificate/ },
  'a port without TLS': { make: () => (relay) => createServer(relay), reason: /ETIMEDOUT \(REDIS_URL says rediss, and the port did not answer with TLS\)/ },
  'a port that never answers': { make: () => () => createServer(), reason: /ETIMEDOUT/ },
  'a port that answers in plain text': { make: () => () => createServer((socket) => { socket.end('+OK\r\n'.repeat(100)) }), reason: /wrong version number.* \(REDIS_URL says rediss, and the port did not answer with TLS\)/s },
}
interface Files { readonly authority: Authority, readonly strangers: Authority }

t.test('a Redis that cannot prove who it is gets no password, and nothing is stopped', { skip }, async (t) => {
  const [authority, strangers] = [makeAuthority(await temporaryFolder(t)), makeAuthority(await temporaryFolder(t))]
  const redis = await startRedis(t, { requirepass: PASSWORD })
  for (const [name, { make, reason }] of Object.entries(FRONTS)) {
    const { port, sent } = await startFront(t, redis, make({ authority, strangers }))
    const service = await startService(t, port, authority.cert)
    t.match(await until(`${name}: the log says why`, service.reason), reason)
    t.match(await service.send('POST', '/v1/decisions', STEP), { status: 200, body: { decision: 'continue', reason: 'stale_snapshot' } })
    t.match(await service.send('POST', '/v1/outcomes', OUTCOME), { status: 503, body: { code: 'STORE_UNAVAILABLE' } })
    t.match(await service.send('GET', '/readyz'), { status: 503, body: { store: { up: false } } })
    t.notMatch(sent(), PASSWORD, name)
  }
})

t.test('a connection whose TLS ends in its midst is not continued without it', { skip }, async (t) => {
  const authority = makeAuthority(await temporaryFolder(t))
  const redis = await startRedis(t, { requirepass: PASSWORD })
  const encrypted = new Set<Socket>()
  let isPlain = false
  const { port, sent } = await startFront(t, redis, (relay) => {
    const tls = createTlsServer(read(authority.issue('redis')), (socket) => { if (!isPlain) relay(socket) })
    return createServer((socket) => {
      if (isPlain) { relay(socket); return }
      encrypted.add(socket)
      tls.emit('connection', socket)
    })
  })
  const { send } = await startService(t, port, authority.cert, { MAX_STALENESS_SECONDS: '1', POLL_SECONDS: '0.1' })
  await until('the store is up', async () => (await send('GET', '/readyz')).status === 200)
  t.match(await send('PUT', '/v1/contexts/model=m,task=t/pin', { threshold: 0.5, reason: 'test' }), { status: 200 })
  const decision = async () => (await send('POST', '/v1/decisions', { ...STEP, arm: 'treated' })).body.decision
  await until('the pin is in force', async () => await decision() === 'stop')
  t.match(sent(), PASSWORD, 'over TLS')

  const before = sent().length
  isPlain = true
  for (const socket of encrypted) socket.write('+OK\r\n') // in plain text, amid the records
  await until('nothing is stopped', async () => await decision() === 'continue')
  t.match(await send('POST', '/v1/outcomes', OUTCOME), { status: 503 })
  t.notMatch(sent().slice(before), PASSWORD)

  isPlain = false
  await until('the pin is back', async () => await decision() === 'stop')
  t.match(await send('POST', '/v1/outcomes', OUTCOME), { status: 202 })
})
