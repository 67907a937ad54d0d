import t from 'tap'
import { KEY } from '../certify.js'
import { sendConfirmed } from '../confirmed.js'
import { build, temporaryFolder } from '../helper.js'
import { bearer, tokenList } from '../token-fixtures.js'

const url = `/v1/contexts/${encodeURIComponent(KEY)}`

t.test('the audit trail states who did what, when and why, and survives a restart', async (t) => {
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
  await send('PUT', '/v1/contexts/*/policy', { max_em_drop: 0.001, evidence_window: 1000 })
  t.match(await send('DELETE', `${url}/pin`), { status: 400, body: { details: [{ path: '/querystring/reason' }] } })
  t.match(await send('PUT', `${url}/pin`, { threshold: 1, reason: 'x', expires_in_seconds: 0 }), { status: 400, body: { details: [{ path: '/expires_in_seconds', message: /1 to a year/ }] } })
  t.strictSame((await send('GET', '/v1/audit')).body, { commands: [], next: null })
})

t.test('a command is listed under the name of its token', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS: tokenList({ alice: 'operator', bob: 'operator' }) })
  await send('PUT', '/v1/contexts/*/policy', { mode: 'off' }, bearer('alice'))
  await send('PUT', `${url}/pin`, { threshold: 0.9, reason: 'r' }, bearer('bob'))
  await sendConfirmed({ send }, 'POST', '/v1/model/rollback', { version: 0, reason: 'back' }, bearer('alice'))
  await sendConfirmed({ send }, 'DELETE', '/v1/model/rollback?reason=over', undefined, bearer('bob'))
  const { commands } = (await send('GET', '/v1/audit', undefined, bearer('alice'))).body
  t.same(commands.map(({ by, type }: { by: string, type: string }) => `${by} ${type}`), ['bob pin', 'alice pin', 'bob pin', 'alice policy'])
  t.match(commands[1].pin, { by: 'alice', rollback: 0 })
})
