import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { enrol, KEY, losslessOutcome } from '../certify.js'
import { temporaryFolder, until } from '../helper.js'
import { startProcess } from '../service-process.js'
import { ALL_CONTROL, QUICK_TIMES } from '../quick-policy.js'

t.test('an invalid setting ends the start with exit code 2 and its name', async (t) => {
  const service = startProcess(t, { PORT: 'eighty' })
  t.same(await service.exited, { code: 2, signal: null })
  t.match(service.stderr(), /^stopgate: PORT \("eighty"\) must be integer/)
})

t.test('the service does not listen on an open address without tokens', async (t) => {
  const service = startProcess(t, { HOST: '0.0.0.0', DATA_DIR: await temporaryFolder(t) })
  t.same(await service.exited, { code: 2, signal: null })
  t.match(service.stderr(), /^stopgate: HOST 0\.0\.0\.0 accepts other machines.*set ACCESS_TOKENS/)
})

t.test('invalid tokens end the start with exit code 2 and are not shown', async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  const service = startProcess(t, { ACCESS_TOKENS: '["a-secret"]', DATA_DIR })
  t.same(await service.exited, { code: 2, signal: null })
  t.match(service.stderr(), /^stopgate: ACCESS_TOKENS\[0\] is not an object/)
  t.notMatch(service.stderr(), /a-secret/)
  t.notOk(existsSync(join(DATA_DIR, 'in-use.sock')), 'the store was not opened')
})

t.test('a port in use ends the start with exit code 2', async (t) => {
  const first = startProcess(t, { DATA_DIR: await temporaryFolder(t) })
  const { port } = new URL(await first.url())
  const second = startProcess(t, { DATA_DIR: await temporaryFolder(t), PORT: port })
  t.same(await second.exited, { code: 2, signal: null })
  t.match(second.stderr(), /PORT \d+ is in use .* set another PORT/)
})

t.test('localhost is a single address with a single server', async (t) => {
  const service = startProcess(t, { HOST: 'localhost', DATA_DIR: await temporaryFolder(t) })
  const { hostname, port } = new URL(await service.url())
  t.equal(hostname, '127.0.0.1')
  t.equal((await fetch(`http://localhost:${port}/livez`)).status, 200)
  const other = connect(Number(port), '::1')
  const [{ code }] = await once(other, 'error') as [NodeJS.ErrnoException]
  t.match(code, /ECONNREFUSED|EADDRNOTAVAIL/)
})

t.test('SIGTERM answers the request in flight, and accepted outcomes survive', async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  const service = startProcess(t, { DATA_DIR, ...ALL_CONTROL }, { times: QUICK_TIMES })
  const url = await service.url()
  const inFlight = losslessOutcome('in flight')
  await enrol(service.post, [losslessOutcome('before'), inFlight])
  t.match(await service.post('/v1/outcomes', losslessOutcome('before')), { status: 202, body: { accepted: 1 } })

  const body = JSON.stringify(inFlight)
  const answered = new Promise<number | undefined>((resolve, reject) => {
    const sending = request(`${url}/v1/outcomes`, { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': body.length } }, (reply) => {
      reply.resume().on('end', () => resolve(reply.statusCode))
    }).on('error', reject)
    sending.write(body.slice(0, 10), () => {
      service.child.kill('SIGTERM')
      until('it is closing', () => service.log.find(({ msg }) => msg === 'closing')).then(() => sending.end(body.slice(10)), reject)
    })
  })
  t.equal(await answered, 202)
  t.same(await service.exited, { code: 0, signal: null })
  t.ok(service.log.some(({ msg }) => msg === 'closed'))

  const again = startProcess(t, { DATA_DIR, ...ALL_CONTROL }, { times: QUICK_TIMES })
  await again.url()
  await until('both are learned', async () => (await again.get(`/v1/contexts/${encodeURIComponent(KEY)}`)).body.generations?.control === 2)
  t.match(await again.post('/v1/outcomes', losslessOutcome('in flight')), { body: { duplicates: 1 } })
})

t.test('changes are logged with an id, and decisions and reads only at debug', async (t) => {
  const service = startProcess(t, { DATA_DIR: await temporaryFolder(t) })
  const url = await service.url()
  await service.post('/v1/decisions', { tokens: 1, confidence: 1 })
  const route = '/v1/contexts/:key/policy'
  const put = async (id: string) => await service.put('/v1/contexts/model=q/policy', { min_tokens: 9 }, { 'x-request-id': id })
  await put('from-outside')
  await put('with spaces"}')
  await fetch(`${url}/v1/snapshot`)
  await until('both are logged', () => service.log.filter((line) => line.route === route).length === 2)
  const lines = service.log.filter(({ msg }) => msg === 'answered')
  t.match(lines, [
    { reqId: 'from-outside', method: 'PUT', route, status_code: 200, ms: Number },
    { reqId: /^req-\d+$/ },
  ])
})
