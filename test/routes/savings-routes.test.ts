import t from 'tap'
import { losslessOutcome, report } from '../certify.js'
import { build, until } from '../helper.js'
import { ALL_CONTROL } from '../quick-policy.js'
import { bearer, tokenList } from '../token-fixtures.js'

const today = () => new Date().toISOString().slice(0, 10)

t.test('the savings of a range of days, of all contexts or of a part, by day or by context', async (t) => {
  const { send } = await build(t, ALL_CONTROL)
  await report((path, body) => send('POST', path, body), [losslessOutcome('a', { model: 'q', task: 'x' }), losslessOutcome('b', { model: 'r', task: 'x' })])
  const get = async (query: string) => (await send('GET', `/v1/savings?${query}`)).body
  await until('both are learned', async () => (await get('')).total.generations === 2)
  const day = today()
  t.match(await get(`since=${day}`), { total: { since: day, until: day, context: '*', generations: 2, tokens: 128, tokens_saved: 0, answers_lost: 0 }, rows: [] })
  t.match(await get('by=day&prefix=model%3Dq'), { total: { context: 'model=q', generations: 1 }, rows: [{ since: day, until: day, context: 'model=q', generations: 1 }] })
  const { rows } = await get('by=context')
  t.same(rows.map(({ context, generations }: { context: string, generations: number }) => [context, generations]), [['model=q,task=x', 1], ['model=r,task=x', 1]])
})

t.test('a range that is none is refused with what to change', async (t) => {
  const { send } = await build(t)
  for (const [query, path, message] of [
    ['since=2026-02-30', '/since', /a day of the calendar/],
    ['since=2001-01-01', '/since', /or later: days are kept for 13 months/],
    ['until=2999-01-01', '/until', /today \(UTC\), or earlier/],
    [`since=${today()}&until=2026-01-01`, '/since', /must not be after 2026-01-01/],
    ['since=yesterday', '/querystring/since', /YYYY-MM-DD/],
    ['by=model', '/querystring/by', /day/],
  ] as const) t.match(await send('GET', `/v1/savings?${query}`), { status: 400, body: { details: [{ path, message }] } }, query)
  t.match(await send('GET', '/v1/savings?prefix=nowhere'), { status: 400, body: { code: 'INVALID_CONTEXT_KEY' } })
})

t.test('a report is a file for spreadsheets, too', async (t) => {
  const { app, send } = await build(t, ALL_CONTROL)
  await report((path, body) => send('POST', path, body), [losslessOutcome('a', { model: 'q', task: '"x"' })])
  await until('it is learned', async () => (await send('GET', '/v1/savings')).body.total.generations === 1)
  const file = async (query: string) => await app.inject(`/v1/savings.csv?${query}`)
  const { headers, body } = await file(`by=context&since=${today()}`)
  t.match(headers, { 'content-type': 'text/csv; charset=utf-8', 'content-disposition': 'attachment; filename="savings.csv"' })
  t.same(body.split('\r\n'), [
    'since,until,context,generations,tokens,tokens_saved,tokens_saved_low,tokens_saved_high,answers_lost,answers_lost_low,answers_lost_high,answers_unlabelled',
    `${today()},${today()},"model=q,task=""x""",1,64,0,0,0,0,0,0,`,
    '',
  ])
  t.match((await file('')).body.split('\r\n')[1], /,\*,1,64,/, 'the total')
  t.equal((await file('since=2001-01-01')).statusCode, 400)
  t.match(JSON.parse((await file('by=day&prefix=model%3Da')).body), { code: 'CONTEXT_NOT_FOUND', details: [{ path: '/prefix' }] }, 'not a file without rows')
})

t.test('a token that is bound to a prefix reads its own savings', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS: tokenList({ w: 'worker', q: 'operator model=q' }) })
  t.match(await send('GET', '/v1/savings', undefined, bearer('q')), { status: 200, body: { total: { context: 'model=q' } } })
  for (const path of ['/v1/savings', '/v1/savings.csv']) {
    t.match(await send('GET', `${path}?prefix=*`, undefined, bearer('q')), { status: 403 })
    t.match(await send('GET', path, undefined, bearer('w')), { status: 403 })
  }
})
