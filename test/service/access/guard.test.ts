import type { FastifyInstance } from 'fastify'
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RouteOptions } from 'fastify'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { Services } from '../../../routes/services.js'
import { createApp } from '../../../src/app/app.js'
import { createAccess } from '../../../src/service/access/guard.js'
import { sha256 } from '../../../src/service/access/tokens.js'
import { readConfig } from '../../../src/service/config/config.js'
import { losslessOutcome } from '../../certify.js'
import { build, temporaryFolder, until } from '../../helper.js'
import { bearer, tokenList, tokenOf } from '../../token-fixtures.js'

/** A log that is kept, all of it. */
function keptLog () {
  const lines: string[] = []
  return { lines, log: pino({ level: 'trace' }, { write: (line: string) => { lines.push(line) } }) }
}

/** The tokens of a file, which is read again every 10 ms. */
async function accessByFile (t: Test, file: string) {
  const { lines, log } = keptLog()
  const access = createAccess(readConfig({ ACCESS_TOKENS_FILE: file, POLL_SECONDS: '0.01' }), log)
  t.teardown(access.close)
  const has = (name: string) => access.identify(`Bearer ${tokenOf(name)}`)?.name === name
  return { access, has, lines }
}

t.test('tokens of a list are recognised, and without any the service is open', async (t) => {
  const open = createAccess(readConfig({}), pino({ level: 'silent' }))
  t.match(open, { isOpen: true })
  t.equal(open.identify(`Bearer ${tokenOf('a')}`), null)
  const access = createAccess(readConfig({ ACCESS_TOKENS: tokenList({ a: 'worker' }) }), pino({ level: 'silent' }))
  t.equal(access.isOpen, false)
  t.match(access.identify(`Bearer ${tokenOf('a')}`), { name: 'a', role: 'worker', prefix: null })
  t.equal(access.identify(undefined), null)
})

t.test('an open service on a public address is logged as a warning', async (t) => {
  const { lines, log } = keptLog()
  createAccess(readConfig({ ALLOW_ANONYMOUS: 'true' }), log)
  t.equal(lines.length, 0, 'on loopback there is nothing to tell')
  createAccess(readConfig({ ALLOW_ANONYMOUS: 'true', HOST: '0.0.0.0' }), log)
  t.match(lines[0], /any client that reaches this address may call every route/)
})

t.test('a changed token file takes effect without a restart', async (t) => {
  const file = join(await temporaryFolder(t), 'tokens.json')
  await writeFile(file, tokenList({ old: 'worker' }))
  const { has, lines } = await accessByFile(t, file)
  t.ok(has('old'))
  await writeFile(file, tokenList({ old: 'worker', new: 'worker' }))
  await until('the new one is known', () => has('new'))
  t.ok(has('old'), 'the old one still is')
  await writeFile(file, tokenList({ new: 'worker' }))
  await until('the old one is not', () => !has('old'))
  t.ok(has('new'))
  t.match(lines.at(-1), /"tokens":\["new"\].*are in force/)
})

t.test('a token keeps the state of an unchanged quota, and starts a changed one in full', async (t) => {
  const file = join(await temporaryFolder(t), 'tokens.json')
  const limit = (outcomes_per_hour: number) => ({ outcomes_per_hour, requests_per_second: 5 })
  await writeFile(file, tokenList({ a: 'worker', b: 'worker' }, { a: limit(10), b: limit(10) }))
  const { access, has } = await accessByFile(t, file)
  const take = (name: string, count: number) => access.identify(`Bearer ${tokenOf(name)}`)!.outcomes!.take(count, 0)
  t.same([take('a', 9), take('b', 9)], [0, 0])
  await replaceFile(file, tokenList({ a: 'worker', b: 'worker', c: 'worker' }, { a: limit(10), b: limit(20), c: limit(10) }))
  await until('the third is known', () => has('c'))
  t.ok(take('a', 2) > 0)
  t.equal(take('a', 1), 0)
  t.equal(take('b', 20), 0)
  t.equal(access.identify(`Bearer ${tokenOf('b')}`)!.requests!.amount, 5)
})

t.test('a mounted secret that changes by its link is read again', async (t) => {
  const folder = await temporaryFolder(t)
  // As Kubernetes lays it out: tokens.json -> ..data/tokens.json, ..data -> a folder by its time.
  for (const name of ['first', 'second']) {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, 'tokens.json'), tokenList({ [name]: 'worker' }))
  }
  await symlink('first', join(folder, '..data'))
  await symlink('..data/tokens.json', join(folder, 'tokens.json'))
  const { has } = await accessByFile(t, join(folder, 'tokens.json'))
  t.ok(has('first'))
  await symlink('second', join(folder, '..data_tmp'))
  await rename(join(folder, '..data_tmp'), join(folder, '..data'))
  await rm(join(folder, 'first'), { recursive: true })
  await until('the second is in force', () => has('second'))
  t.notOk(has('first'))
})

/** At once, as a deployment does it: a poll in between must not find half of it. */
async function replaceFile (file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text)
  await rename(`${file}.new`, file)
}

t.test('an invalid token file changes nothing and is logged once', async (t) => {
  const file = join(await temporaryFolder(t), 'tokens.json')
  await replaceFile(file, tokenList({ a: 'worker' }))
  const { access, has, lines } = await accessByFile(t, file)
  for (const [text, why] of [['[{"name":', /is not valid JSON/], ['', /is not valid JSON/], ['[]', /is an empty list/], [`[{"name":"${tokenOf('b')}"}]`, /\[0\]\.name|role/]] as const) {
    await replaceFile(file, text)
    await until(`${text} is refused`, () => why.test(access.problem() ?? ''))
    t.ok(has('a'), 'the previous tokens stay valid')
  }
  await rm(file)
  await until('it is gone', () => /cannot be read \(ENOENT\)/.test(access.problem() ?? ''))
  t.ok(has('a'))
  const problems = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 50)
  t.equal(new Set(problems.map(({ reason }) => reason)).size, problems.length, 'each problem is logged once')
  t.notMatch(lines.join(), /secret-of/)
  await replaceFile(file, tokenList({ b: 'worker' }))
  await until('a good one is in force', () => has('b'))
  t.equal(access.problem(), null)
})

t.test('/readyz warns of an invalid token file', async (t) => {
  const file = join(await temporaryFolder(t), 'tokens.json')
  await replaceFile(file, tokenList({ a: 'worker' }))
  const { send } = await build(t, { ACCESS_TOKENS_FILE: file, POLL_SECONDS: '0.01' })
  t.same((await send('GET', '/readyz')).body.warnings, [])
  await replaceFile(file, 'broken')
  const [warning] = await until('it warns', async () => { const { warnings } = (await send('GET', '/readyz')).body; return warnings.length > 0 && warnings })
  t.match(warning, /the previous ones are\. ACCESS_TOKENS_FILE is not valid JSON/)
})

t.test('invalid tokens end the start with the name of the setting and are not shown', async (t) => {
  const file = join(await temporaryFolder(t), 'tokens.json')
  await replaceFile(file, '')
  const start = (env: NodeJS.ProcessEnv) => createAccess(readConfig(env), pino({ level: 'silent' }))
  const rejects = (env: NodeJS.ProcessEnv, message: RegExp) => {
    t.throws(() => start(env), { name: 'ConfigError', message })
    try { start(env) } catch (error) { t.notMatch((error as Error).message, /secret-of/) }
  }
  rejects({ ACCESS_TOKENS: tokenOf('a') }, /^ACCESS_TOKENS is not valid JSON/)
  rejects({ ACCESS_TOKENS: '[]' }, /^ACCESS_TOKENS is an empty list/)
  rejects({ ACCESS_TOKENS_FILE: file }, /^ACCESS_TOKENS_FILE is not valid JSON/)
  rejects({ ACCESS_TOKENS_FILE: join(file, tokenOf('a')) }, /^ACCESS_TOKENS_FILE cannot be read \(ENOTDIR\)/)
})

t.test('logs, errors and metrics contain no secret', async (t) => {
  const { lines, log } = keptLog()
  const names = ['w', 'o', 'bound', 'stranger']
  const { send, store } = await build(t, { ACCESS_TOKENS: tokenList({ w: 'worker', o: 'operator', bound: 'worker model=q' }) }, log)
  Object.defineProperty(store, 'history', { value: () => Promise.reject(new Error('a defect')) })
  const seen: unknown[] = []
  for (const name of names) {
    seen.push(await send('POST', '/v1/decisions', { tokens: 1, confidence: 1 }, bearer(name)))
    seen.push(await send('POST', '/v1/decisions', { tokens: -1, confidence: 1 }, bearer(name)))
    seen.push(await send('POST', '/v1/outcomes', losslessOutcome(name), bearer(name)))
    seen.push(await send('GET', '/v1/snapshot', undefined, bearer(name)))
    seen.push(await send('GET', '/v1/history', undefined, bearer(name)))
    seen.push(await send('GET', '/nowhere', undefined, bearer(name)))
  }
  seen.push(await send('GET', '/metrics', undefined, bearer('o')))
  const statuses = new Set(seen.map((reply) => (reply as { status: number }).status))
  for (const status of [200, 202, 400, 401, 403, 404, 500]) t.ok(statuses.has(status), `there was a ${status}`)
  const text = JSON.stringify(seen) + lines.join('')
  t.match(text, /"token":"bound"/, 'the name is there')
  t.match(lines.join(''), /a defect/)
  for (const name of names) t.notOk(text.includes(tokenOf(name)) || text.includes(sha256(tokenOf(name))), name)
  t.notMatch(text, /secret-of/)
})

const ACCESS_TOKENS = tokenList({ w: 'worker', r: 'trainer', o: 'operator', m: 'metrics' })

/** Who may call what. A route that is not here has to be put here. */
const ROUTES: Record<string, string> = {
  'POST /v1/decisions': 'worker',
  'POST /v1/decisions/batch': 'worker',
  'GET /v1/bundle': 'worker',
  'POST /v1/enrolments': 'worker',
  'POST /v1/probe-forms': 'worker',
  'POST /v1/outcomes': 'worker',
  'POST /v1/outcomes/batch': 'worker',
  'POST /v1/outcomes/:generation_id/label': 'worker',
  'GET /v1/generations/:generation_id': 'operator',
  'GET /v1/fleet': 'operator',
  'GET /v1/fleet/contexts': 'operator',
  'GET /v1/contexts': 'operator',
  'GET /v1/contexts/:key': 'operator',
  'GET /v1/contexts/:key/wanted-labels': 'worker',
  'GET /v1/contexts/:key/what-if': 'operator',
  'GET /v1/contexts/:key/tradeoff': 'operator',
  'GET /v1/contexts/:key/history': 'operator',
  'GET /v1/contexts/:key/policy': 'operator',
  'PUT /v1/contexts/:key/policy': 'operator',
  'PATCH /v1/contexts/:key/policy': 'operator',
  'DELETE /v1/contexts/:key/policy': 'operator',
  'PUT /v1/contexts/:key/pin': 'operator',
  'DELETE /v1/contexts/:key/pin': 'operator',
  'POST /v1/contexts/:key/reset': 'operator',
  'GET /v1/audit': 'operator',
  'DELETE /v1/pause': 'operator',
  'GET /v1/pause': 'operator',
  'PUT /v1/pause': 'operator',
  'GET /v1/stops': 'operator',
  'GET /v1/store-loss': 'operator',
  'POST /v1/store-loss/acknowledgement': 'operator',
  'GET /v1/snapshot': 'operator',
  'GET /v1/history': 'operator',
  'GET /v1/savings': 'operator',
  'GET /v1/savings.csv': 'operator',
  'GET /v1/predictors': 'operator',
  'GET /v1/predictors/:name': 'operator',
  'PUT /v1/predictors/:name': 'operator',
  'DELETE /v1/predictors/:name': 'operator',
  'POST /v1/training-runs/:run/checkpoints': 'trainer',
  'GET /v1/training-runs': 'operator',
  'GET /v1/training-runs/:run': 'operator',
  'GET /metrics': 'metrics',
  'GET /livez': 'open',
  'GET /readyz': 'open',
  'GET /openapi.json': 'open',
  'GET /': 'open',
  'GET /ui': 'open',
  'GET /ui/page.js': 'open',
  'GET /ui/page.css': 'open',
  'GET /ui/icon.svg': 'open',
}
/** Its replies never end, so that only its role is tested here. */
const ENDLESS = 'GET /v1/events'

async function registeredRoutes (): Promise<RouteOptions[]> {
  const routes: RouteOptions[] = []
  const app = createApp({} as Services, pino({ level: 'silent' }))
  app.addHook('onRoute', (route) => { routes.push(route) })
  await app.ready()
  return routes
}

t.test('every route states its role', async (t) => {
  const routes = await registeredRoutes()
  const nameOf = ({ method, url }: RouteOptions) => `${String(method)} ${url}`
  for (const route of routes) {
    if (Array.isArray(route.method)) { // the answer 405 to the methods that a path has not
      t.equal(route.config?.role, 'open', nameOf(route))
      continue
    }
    const name = nameOf(route)
    const role = route.url.startsWith('/docs') ? 'open' : name === ENDLESS ? 'operator' : ROUTES[name.replace('HEAD', 'GET')]
    t.ok(role !== undefined && route.config?.role === role, `${name}: ${route.config?.role}`)
    if (route.url.includes(':key')) t.equal(route.config?.bound, 'key', `${name} is held to the prefix of a token`)
  }
  for (const name of Object.keys(ROUTES)) t.ok(routes.some((route) => nameOf(route) === name), `${name} is there`)
})

t.test('a route accepts its role and operators, and refuses all others', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS })
  for (const [route, role] of Object.entries(ROUTES)) {
    const [method, path] = route.split(' ') as ['GET', string]
    const ask = async (headers: Record<string, string>) => await send(method, path.replace(':key', '*'), undefined, headers)
    for (const headers of [{}, { authorization: `Bearer ${tokenOf('nobody')}` }] as Record<string, string>[]) {
      const { status, body, headers: { 'www-authenticate': challenge } } = await ask(headers)
      if (role === 'open') { t.equal(status, 200, route); continue }
      t.match({ status, challenge, body }, { status: 401, challenge: 'Bearer', body: { code: 'UNAUTHENTICATED', error: 'Unauthorized', message: /authorization: Bearer/ } }, route)
    }
    for (const [name, its] of [['w', 'worker'], ['r', 'trainer'], ['o', 'operator'], ['m', 'metrics']] as const) {
      const { status, body } = await ask(bearer(name))
      if (its === role || its === 'operator' || role === 'open') t.ok(status !== 401 && status !== 403, `${name} ${route}: ${status}`)
      else t.match({ status, body }, { status: 403, body: { code: 'FORBIDDEN', error: 'Forbidden', message: new RegExp(`^This route requires the role ${role}, and token ${name} has the role ${its}: .*stopgate token NAME ${role}`) } }, `${name} ${route}`)
    }
  }
})

t.test('a refused request is not read or executed', async (t) => {
  const { app, send } = await build(t, { ACCESS_TOKENS })
  t.equal((await send('POST', '/v1/decisions', { not: 'a step' })).status, 401, 'no word of what is wrong with it')
  t.equal((await send('PUT', '/v1/contexts/*/policy', { mode: 'off' }, bearer('w'))).status, 403)
  t.match((await send('GET', '/v1/contexts/*/policy', undefined, bearer('o'))).body.policy, {})
  const url = await app.listen({ port: 0 })
  const reply = await fetch(`${url}/v1/outcomes/batch`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: 'x'.repeat(20 * 1024 * 1024) })
  t.match(await reply.json(), { code: 'UNAUTHENTICATED' }, 'the reply reaches a client that is still sending')
})

t.test('the header follows RFC 6750', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS })
  const status = async (authorization: string) => (await send('POST', '/v1/decisions', { tokens: 1, confidence: 1 }, { authorization })).status
  const token = tokenOf('w')
  for (const good of [`Bearer ${token}`, `bearer ${token}`, `BEARER  ${token}`]) t.equal(await status(good), 200, good)
  for (const bad of [token, `Basic ${token}`, `Bearer${token}`, 'Bearer', 'Bearer ', `Bearer ${token} x`, `Bearer x ${token}`, `Bearer ${token},${token}`, '']) t.equal(await status(bad), 401, bad)
})

t.test('without tokens every route is open and the caller is anonymous', async (t) => {
  const lines: string[] = []
  const { send } = await build(t, {}, pino({ level: 'debug' }, { write: (line: string) => { lines.push(line) } }))
  t.equal((await send('GET', '/v1/snapshot')).status, 200)
  t.equal((await send('GET', '/v1/snapshot', undefined, bearer('w'))).status, 200, 'a token does no harm')
  t.match(lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'answered'), [{ token: 'anonymous' }, { token: 'anonymous' }])
})

t.test('a route without a role is refused to everyone', async (t) => {
  for (const env of [{}, { ACCESS_TOKENS }]) {
    const app = createApp(await build(t, env), pino({ level: 'silent' }))
    t.teardown(() => app.close())
    app.get('/forgotten', () => 'secret')
    const reply = await app.inject({ url: '/forgotten', headers: bearer('o') })
    t.match(reply.json(), { statusCode: 403, code: 'FORBIDDEN', message: /states no role/ })
  }
})

t.test('a token that has used up its requests does not affect others', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS: tokenList({ w: 'worker', other: 'worker', o: 'operator' }, { w: { requests_per_second: 0.001 } }) })
  const decide = async (name: string) => await send('POST', '/v1/decisions', { tokens: 1, confidence: 1 }, bearer(name))
  t.equal((await decide('w')).status, 200)
  const told = { code: 'TOO_MANY_REQUESTS', error: 'Too Many Requests', message: /^Token w .*requests_per_second/ }
  for (let i = 0; i < 2; i++) t.match(await decide('w'), { status: 429, body: told, headers: { 'retry-after': '1000' } })
  t.equal((await decide('other')).status, 200)
  const { body } = await send('GET', '/metrics', undefined, bearer('o'))
  t.match(body, 'stopgate_limited_total{token="w",limit="requests"} 2\n')
})

t.test('an unknown path gets 404 with and without a token', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS })
  t.match(await send('GET', '/nowhere'), { status: 404, body: { code: 'ROUTE_NOT_FOUND' } })
  t.match(await send('GET', '/docs/static/nowhere.js'), { status: 404 })
})

const put = (app: FastifyInstance, headers: Record<string, string>) =>
  app.inject({ method: 'PUT', url: '/v1/contexts/model=q/policy?create=true', headers: { 'content-type': 'application/json', ...headers }, payload: '{"mode":"off"}' })

t.test('without tokens, only the names of this machine and of ALLOWED_HOSTS are answered', async (t) => {
  const { app } = await build(t)
  const refused = await put(app, { host: 'evil.example:8080' })
  t.match(refused.json(), { statusCode: 403, code: 'HOST_NOT_ALLOWED', message: /evil.example:8080.*ALLOWED_HOSTS/ })
  t.equal((await app.inject({ url: '/v1/contexts', headers: { host: 'evil.example' } })).statusCode, 403, 'nor can it be read')
  for (const url of ['/livez', '/readyz', '/metrics']) {
    t.equal((await app.inject({ url, headers: { host: 'evil.example' } })).statusCode, 200, `${url} is exempt`)
  }
  for (const host of ['localhost:8080', '127.0.0.1', '[::1]:8080']) t.equal((await put(app, { host })).statusCode, 200, host)
  const named = await build(t, { ALLOWED_HOSTS: 'stopgate.internal, other', ALLOW_ANONYMOUS: 'true', HOST: '0.0.0.0' })
  t.equal((await put(named.app, { host: 'stopgate.internal' })).statusCode, 200)
  t.equal((await put(named.app, { host: 'evil.example' })).statusCode, 403)
  const container = await build(t, { ALLOW_ANONYMOUS: 'true', HOST: '0.0.0.0' })
  t.equal((await put(container.app, { host: 'localhost:8080' })).statusCode, 200)
  const rebound = { host: 'evil.example:8080', origin: 'http://evil.example:8080', 'content-type': 'application/json' }
  const stopped = await container.app.inject({ method: 'PUT', url: '/v1/pause', headers: rebound, payload: '{"reason":"x"}' })
  t.match(stopped.json(), { statusCode: 403, code: 'HOST_NOT_ALLOWED' }, 'a name that was rebound to a published port of Docker is refused')
})

t.test('without tokens, pages of other origins change nothing', async (t) => {
  const { app } = await build(t)
  t.match((await put(app, { host: 'localhost:8080', origin: 'http://evil.example' })).json(), { statusCode: 403, code: 'ORIGIN_NOT_ALLOWED' })
  t.equal((await put(app, { host: 'localhost:8080', origin: 'http://localhost:8080' })).statusCode, 200)
})
