import t from 'tap'
import { certify, KEY } from '../certify.js'
import { build, until } from '../helper.js'
import { bearer, tokenList } from '../token-fixtures.js'
import { quickPolicy } from '../quick-policy.js'

t.test('the snapshot and its history are shown', async (t) => {
  const built = await build(t, { CONTEXT_LEVELS: 'model,task' })
  const { send } = built
  t.match((await send('GET', '/v1/snapshot')).body, { levels: ['model', 'task'], thresholds_in_force: 0, stale: false, store: { kind: 'embedded', up: true } })
  await certify(built)
  const { body } = await send('GET', '/v1/snapshot')
  t.match(body, { version: Number, state_id: String, thresholds_in_force: 1, age_seconds: Number })
  t.ok(body.version > 0 && body.state_id !== '')
  const { changes } = (await send('GET', '/v1/history')).body
  t.match(changes.at(-1), { key: KEY, cause: 'evidence', epoch: 1, before: null, after: Number })
  await send('PUT', `/v1/contexts/${KEY}/pin`, { threshold: 0.5, reason: 'test' })
  const page = async (before = '') => (await send('GET', `/v1/history?limit=1${before}`)).body
  const first = await until('the pin is in the history', async () => { const body = await page(); return body.changes[0].cause === 'pin' && body })
  t.match(await page(`&before=${first.next}`), { changes: [{ id: changes[0].id, cause: changes[0].cause }] })
  t.match(await page(`&before=${changes.at(-1).id}`), { changes: [], next: null })
})

t.test('the history of one context, also for a token that is bound to it', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS: tokenList({ all: 'operator', q: 'operator model=q' }) })
  for (const key of ['model=q,task=a', 'model=r,task=a']) {
    await send('PUT', `/v1/contexts/${encodeURIComponent(key)}/pin`, { threshold: 0.5, reason: 'r' }, bearer('all'))
  }
  const keys = async (query: string, name: string) => {
    const { body } = await send('GET', `/v1/history${query}`, undefined, bearer(name))
    return body.changes.map(({ key }: { key: string }) => key)
  }
  await until('both pins are in the history', async () => (await keys('', 'all')).length === 2)
  t.same(await keys('?prefix=model%3Dr', 'all'), ['model=r,task=a'])
  t.same(await keys('', 'q'), ['model=q,task=a'])
  t.match(await send('GET', '/v1/history?prefix=model%3Dr', undefined, bearer('q')), { status: 403 })
})

t.test('the history of a context has its own changes, and the modes that were in force for it', async (t) => {
  const { send } = await build(t, {
    ACCESS_TOKENS: tokenList({ all: 'operator', q: 'operator model=q' }), DEFAULT_POLICY: quickPolicy({ mode: 'shadow' }),
  })
  const key = 'model=q,task=a'
  const url = `/v1/contexts/${encodeURIComponent(key)}`
  const set = async (name: string, mode: string) => {
    const reply = await send('PUT', `/v1/contexts/${encodeURIComponent(name)}/policy?reason=night`, { mode }, bearer('all'))
    t.ok(reply.status < 300, JSON.stringify(reply.body))
  }
  const read = async (name: string, query = '') => (await send('GET', `${url}/history${query}`, undefined, bearer(name))).body
  await send('PUT', `${url}/pin`, { threshold: 0.5, reason: 'r' }, bearer('all'))
  await set('model=q', 'off')
  await set('model=r', 'off')
  await set(key, 'enforce')
  await set('model=q', 'shadow')
  await set('*', 'off')
  await set(key, 'shadow')
  await set('*', 'enforce')
  const { modes } = await read('all')
  t.same(modes.map(({ key, before, after }: any) => [key, before, after]), [
    ['*', 'off', 'shadow'], // to what the context states by then
    ['*', 'enforce', 'off'],
    [key, 'off', 'enforce'],
    ['model=q', 'shadow', 'off'],
  ], 'a policy above a stated mode moves nothing, and neither does one of the context while * is off')
  t.match(modes[0], { by: 'all', reason: 'night', time: /^2\d{3}-/ })
  const bound = (await read('q')).modes
  t.notOk('by' in bound[0] || 'reason' in bound[0], 'who acts elsewhere is not for a bound token')
  t.match(bound[2], { key, by: 'all' })
  await until('the pin is in the history', async () => (await read('all')).changes.some(({ cause }: { cause: string }) => cause === 'pin'))
  t.ok((await read('all')).changes.every((change: { key: string }) => change.key === key))
  t.equal((await read('all', '?limit=1')).changes.length, 1)
  t.match(await send('GET', '/v1/contexts/model=r/history', undefined, bearer('q')), { status: 403 })
  t.match(await send('GET', '/v1/contexts/nothing/history', undefined, bearer('all')), { status: 400, body: { code: 'INVALID_CONTEXT_KEY' } })
})
