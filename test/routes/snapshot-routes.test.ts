import t from 'tap'
import { certify, CONTEXT, KEY } from '../certify.js'
import { sendConfirmed } from '../confirmed.js'
import { build, until } from '../helper.js'
import { bearer, tokenList } from '../token-fixtures.js'

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

t.test('a rollback sets pins, which DELETE removes', async (t) => {
  const built = await build(t)
  const { send } = built
  const url = `/v1/contexts/${encodeURIComponent(KEY)}`
  await certify(built)
  const { version } = (await send('GET', '/v1/snapshot')).body
  const { threshold } = (await send('GET', url)).body
  await send('POST', `${url}/reset`, { reason: 'new weights' })
  await until('the threshold is gone', async () => (await send('GET', url)).body.threshold === null)
  await send('PUT', '/v1/contexts/model=r/pin', { threshold: 0.5, reason: 'mine' })
  await certify(built, { model: 'q', task: 'later' })

  const wish = { version, reason: 'incident 42', expires_in_seconds: 600 }
  const trial = (await send('POST', '/v1/rollback?dry_run=true', wish)).body
  t.match(trial, {
    version,
    dry_run: true,
    total: 5,
    contexts: [
      { key: 'model=q,task=later', before: Number, after: null }, { key: KEY, before: null, after: threshold }, { key: 'model=r', before: 0.5, after: null },
    ],
  })
  t.equal((await send('GET', url)).body.pin, null)
  t.match(await send('POST', '/v1/rollback', wish), { status: 409, body: { code: 'UNCONFIRMED', message: /changes 3 contexts/ } })
  t.match(await send('POST', `/v1/rollback?confirm=${trial.confirm}`, { ...wish, version: 0 }), { status: 409 }, 'another rollback')
  t.match(trial, {
    contexts: [
      { tokens_saved_ratio_before: Number, tokens_saved_ratio_after: 0 }, { tokens_saved_ratio_before: 0, tokens_saved_ratio_after: null },
    ],
    tokens_saved_per_day: { before: null, after: null, unknown: 2 },
  })
  const done = (await send('POST', `/v1/rollback?confirm=${trial.confirm}`, wish)).body
  const thresholdsOf = ({ contexts }: any) => contexts.map(({ key, before, after }: any) => [key, before, after]).sort()
  const { tokens_saved_per_day: _, ...foreseen } = trial
  const { tokens_saved_per_day: __, ...real } = done
  t.strictSame({ ...real, contexts: thresholdsOf(done) }, { ...foreseen, contexts: thresholdsOf(trial), dry_run: false })

  const ask = async (context: object) => (await send('POST', '/v1/decisions', { arm: 'treated', tokens: 32, confidence: 1, context })).body
  t.match(await ask(CONTEXT), { decision: 'stop', threshold, guarantee: null })
  t.match(await ask({ model: 'q', task: 'later' }), { decision: 'continue', reason: 'no_threshold' }, 'it did not exist then')
  t.match((await send('GET', url)).body.pin, { threshold, reason: 'incident 42', by: 'anonymous', rollback: version, expires_at: String })
  t.match((await send('GET', '/v1/audit?limit=5')).body.commands.map(({ pin, reason }: any) => [pin.rollback, reason]), Array(5).fill([version, 'incident 42']))

  await send('PUT', '/v1/contexts/*/pin', { threshold: null, reason: 'mine' })
  t.match(await send('DELETE', '/v1/rollback?reason=over'), { status: 409, body: { code: 'UNCONFIRMED', message: /changes 4 contexts/ } })
  t.match((await send('DELETE', '/v1/rollback?reason=over&dry_run=true')).body, { removed: 4, dry_run: true, tokens_saved_per_day: { before: null, after: null, unknown: 2 } })
  t.match((await sendConfirmed(built, 'DELETE', '/v1/rollback?reason=over')).body, { removed: 4, dry_run: false }, 'all but the one set since')
  t.match((await send('GET', url)).body, { pin: null, threshold: null })
  t.match(await ask({ model: 'q', task: 'later' }), { decision: 'stop' }, 'what was learned is in force again')
  t.match((await send('GET', '/v1/contexts/*')).body.pin, { reason: 'mine' })
  t.match((await send('DELETE', '/v1/rollback?reason=again')).body, { removed: 0 })
})

t.test('a rollback to a version that does not exist or is too old is refused', async (t) => {
  const { send, store } = await build(t)
  t.match(await send('POST', '/v1/rollback', { version: 9, reason: 'r' }), { status: 400, body: { code: 'UNKNOWN_VERSION', message: /the snapshot is at version 0/ } })
  t.match(await send('POST', '/v1/rollback', { version: -1, reason: 'r' }), { status: 400, body: { details: [{ path: '/version' }] } })
  t.match(await send('DELETE', '/v1/rollback'), { status: 400, body: { message: /reason/ } })
  for (let i = 0; i < 11; i++) await store.append(Array.from({ length: 1000 }, () => ({ type: 'pin', key: '*', pin: null, by: 'ops', reason: 'r' })))
  t.match(await send('POST', '/v1/rollback', { version: 1, reason: 'r' }), { status: 409, body: { code: 'VERSION_OUT_OF_REACH', message: /back only to version 2/ } })
  t.equal((await send('POST', '/v1/rollback?dry_run=true', { version: 2, reason: 'r' })).status, 200)
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
    ACCESS_TOKENS: tokenList({ all: 'operator', q: 'operator model=q' }), DEFAULT_POLICY: '{"mode":"shadow","follow_up_seconds":0}',
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
