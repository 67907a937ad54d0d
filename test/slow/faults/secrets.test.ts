import { once } from 'node:events'
import { connect } from 'node:net'
import { Redis } from 'ioredis'
import t, { type Test } from 'tap'
import { readConfig } from '../../../src/service/config/config.js'
import { createStore } from '../../../src/store/open/create-store.js'
import { losslessOutcome } from '../../certify.js'
import { temporaryFolder, until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'
import { startProcess } from '../../service-process.js'
import { bearer, tokenList, tokenOf } from '../../token-fixtures.js'
import { sha256 } from '../../../src/service/access/tokens.js'

const PASSWORD = 'secret-of-redis'
const NAMES = ['w', 'o', 'm', 'stranger']
const ACCESS_TOKENS = tokenList({ w: 'worker', o: 'operator', m: 'metrics' }, { w: { requests_per_second: 1000, outcomes_per_hour: 3 } })

/** A secret in the forms that a log, a URL, Redis or a dump of bytes would show. */
function formsOf (secret: string): string[] {
  const bytes = Buffer.from(secret)
  return [secret, encodeURIComponent(secret), bytes.toString('base64').slice(0, -4), bytes.toString('hex'), [...bytes].join()]
}

const FORBIDDEN = [PASSWORD, ...NAMES.map(tokenOf), ...NAMES.map((name) => sha256(tokenOf(name)))].flatMap(formsOf)

/** Starts a service and collects everything it outputs: log, errors and replies. */
function listen (t: Test, env: NodeJS.ProcessEnv) {
  const service = startProcess(t, { ACCESS_TOKENS, LOG_LEVEL: 'trace', POLL_SECONDS: '0.1', LEASE_SECONDS: '0.5', ...env })
  let said = ''
  const hear = (text: unknown) => { said += String(text) }
  service.child.stdout!.on('data', hear)
  service.child.stderr!.on('data', hear)
  const ask = async (name: string, method: string, path: string, body?: unknown) => {
    const payload = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
    const reply = await fetch(await service.url() + path, { method, headers: { 'content-type': 'application/json', ...bearer(name) }, ...payload })
    hear(JSON.stringify([...reply.headers]))
    hear(await reply.text())
    return reply.status
  }
  return { service, ask, said: () => said, hear }
}

/** Sends valid and invalid requests to many routes with each token, whatever its role. */
async function askAll (ask: ReturnType<typeof listen>['ask']): Promise<Set<number>> {
  const statuses = new Set<number>()
  for (const name of NAMES) {
    for (const [method, path, body] of [
      ['POST', '/v1/decisions', { generation_id: name, tokens: 1, confidence: 1 }], ['POST', '/v1/decisions', '{'], ['POST', '/v1/decisions', 'x'.repeat(5e6)],
      ['POST', '/v1/outcomes', losslessOutcome(name)], ['POST', '/v1/outcomes/batch', { outcomes: ['a', 'b', 'c', 'd'].map((id) => losslessOutcome(id + name)) }],
      ['GET', '/v1/contexts'], ['GET', '/v1/snapshot'], ['GET', '/v1/history'], ['GET', '/v1/audit'], ['GET', '/v1/bundle'], ['PUT', '/v1/contexts/*/policy', { mode: 'x' }],
      ['GET', '/metrics'], ['GET', '/readyz'], ['GET', '/openapi.json'], ['GET', '/nowhere'], ['DELETE', '/v1/decisions'],
    ] as const) statuses.add(await ask(name, method, path, body))
  }
  return statuses
}

function silentOf (t: Test, said: string, what: string): void {
  t.ok(said.length > 10_000, `${what} output ${said.length} characters`)
  for (const secret of FORBIDDEN) if (said.includes(secret)) t.fail(`${what} revealed ${secret}`)
}

t.test('no log line, reply or metric reveals a secret, whatever goes wrong', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, { ...DURABLE, requirepass: PASSWORD })
  const { service, ask, said, hear } = listen(t, { REDIS_URL: redis.url.replace('//', `//:${PASSWORD}@`) })
  const { port } = new URL(await service.url())
  await until('the service is ready', async () => await ask('o', 'GET', '/readyz') === 200)
  const statuses = await askAll(ask)
  for (const status of [200, 202, 400, 401, 403, 404, 405, 413, 429]) t.ok(statuses.has(status), `some requests were answered ${status}`)

  for (const text of ['GET / HTTP/9.9\r\n', `POST /v1/decisions HTTP/1.1\r\nhost: localhost\r\nbad header\r\nauthorization: Bearer ${tokenOf('w')}\r\n\r\n`,
    `GET /livez HTTP/1.1\r\nauthorization: Bearer ${tokenOf('w')}\r\ncontent-length: -1\r\n\r\n`, `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nauthorization: Bearer ${tokenOf('w')}\r\n\r\n`]) {
    const socket = connect(Number(port), '127.0.0.1').on('data', hear).on('error', () => {})
    socket.end(text)
    await once(socket, 'close')
  }
  t.match(said(), /connections were closed because of the behaviour of clients/, 'requests that are not HTTP were logged')

  const admin = new Redis(redis.port, { password: PASSWORD })
  t.teardown(() => { admin.disconnect() })
  await admin.rename('{stopgate}:log', 'kept')
  await admin.set('{stopgate}:log', 'not a stream')
  t.equal(await ask('o', 'POST', '/v1/outcomes', losslessOutcome('odd')), 500)
  await admin.config('SET', 'requirepass', 'another')
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await until('Redis refuses the password', async () => await ask('o', 'POST', '/v1/outcomes', losslessOutcome('refused')) === 503)
  await redis.stop('SIGKILL')
  await askAll(ask)
  service.child.kill('SIGTERM')
  await service.exited
  silentOf(t, said(), 'the service')
})

t.test('no error that ends the start reveals a secret', async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  const told: string[] = []
  for (const env of [
    { REDIS_URL: `http://:${PASSWORD}@host` }, { REDIS_URL: `rediss://:${PASSWORD}@127.0.0.1:1`, REDIS_CA_FILE: PASSWORD },
    { REDIS_URL: `redis://:${PASSWORD}@127.0.0.1:99999` }, { REDIS_URL: `redis://:${PASSWORD}%zz@127.0.0.1:1` }, { REDIS_URL: `redis://:${PASSWORD}@[::1` },
    { REDIS_URL: `redis://${PASSWORD}:${PASSWORD}@no.such.host.invalid:1/x` },
    { ACCESS_TOKENS: tokenOf('w') }, { ACCESS_TOKENS_FILE: tokenOf('w') }, { TLS_CERT_FILE: PASSWORD, TLS_KEY_FILE: PASSWORD },
  ]) {
    try {
      const store = await createStore(readConfig({ DATA_DIR, ...env }))
      t.teardown(() => store.close())
      await store.append([{ type: 'tick' }]).catch((error) => { told.push(`${error.message} ${error.stack}`) })
    } catch (error) {
      told.push(`${(error as Error).message} ${(error as Error).stack}`)
    }
  }
  t.ok(told.length > 4)
  for (const secret of FORBIDDEN) t.notOk(told.join().includes(secret), 'the secret is not in an error')
})
