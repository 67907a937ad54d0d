import t from 'tap'
import { certify, KEY, losslessOutcome, report } from '../certify.js'
import { build, temporaryFolder, until } from '../helper.js'
import { bearer, tokenList } from '../token-fixtures.js'
import { ALL_CONTROL } from '../quick-policy.js'

const url = `/v1/contexts/${encodeURIComponent(KEY)}`

t.test('the audit trail states each command, its author, time and reason, and survives a restart', async (t) => {
  const DATA_DIR = await temporaryFolder(t)
  const first = await build(t, { DATA_DIR })
  await first.send('PUT', '/v1/contexts/*/policy?reason=try', { mode: 'shadow' })
  await first.send('PUT', `${url}/pin`, { threshold: 0.9, reason: 'incident 42', expires_in_seconds: 60 })
  await first.send('DELETE', `${url}/pin?reason=over`)
  await first.send('DELETE', '/v1/contexts/*/policy')
  const { body } = await first.send('GET', '/v1/audit')
  const pin = { threshold: 0.9, reason: 'incident 42', by: 'anonymous', expires_at: String }
  t.match(body, {
    commands: [
      { type: 'policy', key: '*', policy: null, replaced: { mode: 'shadow' }, by: 'anonymous', reason: null, version: 4 },
      { type: 'pin', key: KEY, pin: null, replaced: pin, reason: 'over', version: 3 },
      { type: 'pin', key: KEY, pin, replaced: null, reason: 'incident 42', version: 2 },
      { type: 'policy', key: '*', policy: { mode: 'shadow' }, replaced: null, reason: 'try', version: 1 },
    ],
    next: null,
  })
  await first.app.close()
  t.strictSame((await (await build(t, { DATA_DIR })).send('GET', '/v1/audit')).body, body)
})

t.test('the audit trail is read in pages', async (t) => {
  const { send } = await build(t)
  for (const key of ['*', 'model=a', 'model=b']) await send('PUT', `/v1/contexts/${encodeURIComponent(key)}/pin`, { threshold: null, reason: key })
  const first = (await send('GET', '/v1/audit?limit=2')).body
  t.match(first, { commands: [{ key: 'model=b' }, { key: 'model=a' }], next: String })
  t.match((await send('GET', `/v1/audit?limit=2&before=${first.next}`)).body, { commands: [{ key: '*' }], next: null })
  t.match(await send('GET', '/v1/audit?before=yesterday'), { status: 400, body: { message: /"id" of a row/ } })
})

t.test('a refused command leaves no trace', async (t) => {
  const { send } = await build(t)
  await send('PUT', '/v1/contexts/*/policy', { min_tokens: 9, certify_at: 'tenant' })
  t.match(await send('DELETE', `${url}/pin`), { status: 400, body: { details: [{ path: '/querystring/reason' }] } })
  t.match(await send('PUT', `${url}/pin`, { threshold: 1, reason: 'x', expires_in_seconds: 0 }), { status: 400, body: { details: [{ path: '/expires_in_seconds', message: /1 to a year/ }] } })
  t.strictSame((await send('GET', '/v1/audit')).body, { commands: [], next: null })
})

t.test('a command is listed under the name of its token', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS: tokenList({ alice: 'operator', bob: 'operator' }) })
  await send('PUT', '/v1/contexts/*/policy', { mode: 'off' }, bearer('alice'))
  await send('PUT', `${url}/pin`, { threshold: 0.9, reason: 'r' }, bearer('bob'))
  const { commands } = (await send('GET', '/v1/audit', undefined, bearer('alice'))).body
  t.same(commands.map(({ by, type }: { by: string, type: string }) => `${by} ${type}`), ['bob pin', 'alice policy'])
})

t.test('the sums of a fleet, and its contexts in the order asked for', async (t) => {
  const built = await build(t, ALL_CONTROL)
  const { send } = built
  t.match(await send('GET', '/v1/fleet'), { status: 200, body: { contexts: 0, by_status: { certified: 0, learning: 0, drifted: 0 }, tokens_saved: 0, worth: null, alarms: [] } })
  const { length: certified } = await certify(built)
  await report((path, body) => send('POST', path, body), [losslessOutcome('a', { model: 'q', task: 'math' }), losslessOutcome('b', { model: 'r', task: 'math' })])
  await until('all are learned', async () => (await send('GET', '/v1/fleet')).body.control_generations === certified + 2)
  t.match((await send('GET', '/v1/fleet')).body, { prefix: '*', contexts: 3, by_status: { certified: 1, learning: 2, drifted: 0 }, by_mode: { enforce: 3 }, stopping: 1, alarms_total: 0 })
  t.match((await send('GET', '/v1/fleet?prefix=model%3Dr')).body, { prefix: 'model=r', contexts: 1, control_generations: 1 })
  t.match(await send('GET', '/v1/fleet?prefix=nowhere'), { status: 400, body: { code: 'INVALID_CONTEXT_KEY' } })

  const keys = async (query: string) => (await send('GET', `/v1/fleet/contexts?${query}`)).body.contexts.map(({ key }: { key: string }) => key)
  t.same(await keys(''), [KEY, 'model=q,task=math', 'model=r,task=math'])
  t.same(await keys('sort=control_generations&descending=true&limit=1'), [KEY])
  t.same(await keys('search=MATH q'), ['model=q,task=math'])
  t.same(await keys('status=learning&offset=1'), ['model=r,task=math'])
  t.match(await send('GET', '/v1/fleet/contexts?sort=colour'), { status: 400 })
})

t.test('a token that is bound to a prefix sees that part of the fleet', async (t) => {
  const { send } = await build(t, { ...ALL_CONTROL, ACCESS_TOKENS: tokenList({ w: 'worker', all: 'operator', q: 'operator model=q' }) })
  await report((path, body) => send('POST', path, body, bearer('w')), [losslessOutcome('a', { model: 'q', task: 'x' }), losslessOutcome('b', { model: 'r', task: 'x' })])
  await until('both are learned', async () => (await send('GET', '/v1/fleet', undefined, bearer('all'))).body.contexts === 2)
  t.match((await send('GET', '/v1/fleet', undefined, bearer('q'))).body, { prefix: 'model=q', contexts: 1 })
  t.match((await send('GET', '/v1/fleet/contexts', undefined, bearer('q'))).body, { total: 1, contexts: [{ key: 'model=q,task=x' }] })
  t.match(await send('GET', '/v1/fleet?prefix=model%3Dr', undefined, bearer('q')), { status: 403 })
  t.match(await send('GET', '/v1/fleet', undefined, bearer('w')), { status: 403 })
})
