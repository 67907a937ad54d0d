import type { RouteOptions } from 'fastify'
import { pino } from 'pino'
import t from 'tap'
import { createApp } from '../../src/app/app.js'
import type { Services } from '../../routes/services.js'
import { build } from '../helper.js'
import { bearer, tokenList, tokenOf } from '../token-fixtures.js'

const ACCESS_TOKENS = tokenList({ w: 'worker', r: 'trainer', o: 'operator', m: 'metrics' })

/** Who may call what. A route that is not here has to be put here. */
const ROUTES: Record<string, string> = {
  'POST /v1/decisions': 'worker',
  'POST /v1/decisions/batch': 'worker',
  'POST /v1/decisions/columns': 'worker',
  'GET /v1/bundle': 'worker',
  'POST /v1/enrolments': 'worker',
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
  'GET /v1/contexts/:key/policy': 'operator',
  'PUT /v1/contexts/:key/policy': 'operator',
  'PATCH /v1/contexts/:key/policy': 'operator',
  'DELETE /v1/contexts/:key/policy': 'operator',
  'PUT /v1/contexts/:key/pin': 'operator',
  'DELETE /v1/contexts/:key/pin': 'operator',
  'POST /v1/contexts/:key/reset': 'operator',
  'GET /v1/audit': 'operator',
  'GET /v1/model': 'operator',
  'GET /v1/model/history': 'operator',
  'POST /v1/model/rollback': 'operator',
  'DELETE /v1/model/rollback': 'operator',
  'GET /v1/model/predictors': 'operator',
  'GET /v1/model/predictors/:name': 'operator',
  'PUT /v1/model/predictors/:name': 'operator',
  'DELETE /v1/model/predictors/:name': 'operator',
  'POST /v1/training-runs/:run/checkpoints': 'trainer',
  'GET /v1/training-runs': 'operator',
  'GET /v1/training-runs/:run': 'operator',
  'GET /v1/training-runs/:run/plot.svg': 'operator',
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
  const { send } = await build(t, {}, pino({ level: 'info' }, { write: (line: string) => { lines.push(line) } }))
  t.equal((await send('GET', '/v1/model')).status, 200)
  t.equal((await send('GET', '/v1/model', undefined, bearer('w'))).status, 200, 'a token does no harm')
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
