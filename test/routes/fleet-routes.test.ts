import t from 'tap'
import { certify, KEY, losslessOutcome, report } from '../certify.js'
import { build, until } from '../helper.js'
import { bearer, tokenList } from '../token-fixtures.js'

t.test('the sums of a fleet, and its contexts in the order asked for', async (t) => {
  const built = await build(t)
  const { send } = built
  t.match(await send('GET', '/v1/fleet'), { status: 200, body: { contexts: 0, by_status: { certified: 0, learning: 0, drifted: 0 }, tokens_saved: 0, worth: null, alarms: [] } })
  await certify(built)
  await report((path, body) => send('POST', path, body), [losslessOutcome('a', { model: 'q', task: 'math' }), losslessOutcome('b', { model: 'r', task: 'math' })])
  await until('all are learned', async () => (await send('GET', '/v1/fleet')).body.contexts === 3)
  t.match((await send('GET', '/v1/fleet')).body, { prefix: '*', by_status: { certified: 1, learning: 2, drifted: 0 }, by_mode: { enforce: 3 }, stopping: 1, control_generations: 302, alarms_total: 0 })
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
  const { send } = await build(t, { ACCESS_TOKENS: tokenList({ w: 'worker', all: 'operator', q: 'operator model=q' }) })
  await report((path, body) => send('POST', path, body, bearer('w')), [losslessOutcome('a', { model: 'q', task: 'x' }), losslessOutcome('b', { model: 'r', task: 'x' })])
  await until('both are learned', async () => (await send('GET', '/v1/fleet', undefined, bearer('all'))).body.contexts === 2)
  t.match((await send('GET', '/v1/fleet', undefined, bearer('q'))).body, { prefix: 'model=q', contexts: 1 })
  t.match((await send('GET', '/v1/fleet/contexts', undefined, bearer('q'))).body, { total: 1, contexts: [{ key: 'model=q,task=x' }] })
  t.match(await send('GET', '/v1/fleet?prefix=model%3Dr', undefined, bearer('q')), { status: 403 })
  t.match(await send('GET', '/v1/fleet', undefined, bearer('w')), { status: 403 })
})
