import t, { type Test } from 'tap'
import type { ContextDetail, TradeoffReply } from '../../src/page/api.js'
import { openPage } from './open-page.js'
import { CONTEXT_VIEW, example, failure, KEY, serviceWith, type Replies } from './replies.js'

const open = async (t: Test, replies: Partial<Replies> = {}) => await openPage(t, CONTEXT_VIEW, serviceWith(replies))
const [row] = example('context').thresholds
const rowsOf = (...changes: Array<Partial<NonNullable<typeof row>>>): ContextDetail['thresholds'] => changes.map((change) => ({ ...row!, ...change }))

const TRADEOFF = 'EM drop against tokens saved, by threshold'
const EVIDENCE = 'Evidence by threshold'
const CARD = 'Evidence toward the next certificate'

const { generations, evidence, follow_up: followUp } = example('context')

t.test('the trade-off lists what each threshold saves and costs', async (t) => {
  const page = await open(t)
  t.same(page.table(TRADEOFF), [
    ['Threshold', 'Tokens saved, net', 'EM drop', 'Interval', 'Certified'],
    ['never stop', '0.0 %', '0.00 pt', '0.00 pt to 0.00 pt', '✓ yes'],
    ['0.98', '23.7 %', '0.00 pt', '−2.16 pt to 2.16 pt', '✓ yes'],
    ['0.618', '77.5 %', '14.80 pt', '9.28 pt to 22.00 pt', 'no'],
  ])
})

t.test('the bend of the curve and where savings become too dear are stated, if there are any', async (t) => {
  const replies: Partial<Replies> = {}
  const page = await open(t, replies)
  const facts = async (changes: Partial<TradeoffReply>) => {
    replies.tradeoff = example('tradeoff', changes)
    await page.send('change')
    return page.all('.facts li').map((fact) => fact.textContent.replaceAll('\u00a0', ' '))
  }
  t.same(await facts({}), [
    'The curve bends at threshold 0.884: 53.5 % saved for 4.66 pt.',
    'At threshold 0.944 and below, the drop is predicted to exceed the EM that you allow.',
  ])
  t.same(await facts({ knee: null, unfavourable_from: null }), [])
})

t.test('the trade-off is drawn with the allowed loss in red and a ring at the threshold in force', async (t) => {
  const page = await open(t)
  const { texts, shapes } = page.chart(TRADEOFF)
  t.ok(texts.includes('Tokens saved, net') && texts.includes('EM drop, points'), 'the axes are named')
  t.ok(texts.some((text) => /^\d+ %$/.test(text)), 'with their units')
  const curve = shapes.find(({ colour, points }) => colour === page.paletteOf('accent') && points.length === 3)!
  const allowed = shapes.find(({ colour, dash }) => colour === page.paletteOf('bad') && dash.length > 0)!
  const ring = shapes.find(({ colour }) => colour === page.paletteOf('good'))!
  t.same(new Set(allowed.points.map(([, y]) => y)).size, 1, 'the allowed loss is level')
  t.ok(curve.points[2]![1] < allowed.points[0]![1], 'the loosest threshold loses more')
  t.ok(Math.abs(ring.points.at(-1)![0] - curve.points[1]![0]) < 20, 'the ring is around the threshold in force')
})

t.test('legends name the lines, and figures only under the cursor', async (t) => {
  const page = await open(t)
  const legendOf = (label: string) => page.all('[role=img]').find((place) => place.getAttribute('aria-label') === label)!.querySelectorAll('.u-legend .u-series')
  const shown = [...legendOf(TRADEOFF)].filter((row) => !row.classList.contains('unlisted')).map((row) => row.textContent)
  t.same(shown, ['Tokens saved', 'Interval', 'EM drop', 'Allowed', 'In force'])
  const [, , , drop, allowed] = [...legendOf(TRADEOFF)].map((row) => (row.querySelector('.u-marker') as unknown as { style: { border: string, background: string } }).style)
  t.match(drop!.border, 'solid')
  t.match(allowed!.border, 'dashed')
  t.equal(allowed!.background, 'transparent')
})

t.test('thresholds that save nothing are no chart', async (t) => {
  const { points: [point] } = example('tradeoff')
  const points = [point!, { ...point!, threshold: 0.98 }]
  const page = await open(t, { tradeoff: example('tradeoff', { points, threshold: null, knee: null, unfavourable_from: null }) })
  t.match(page.card('Cost of stopping earlier'), 'No threshold would have saved tokens so far.')
  const none = await open(t, { context: example('context', { generations: { ...generations, control: 0 } }), tradeoff: example('tradeoff', { points: [] }) })
  t.match(none.card('Cost of stopping earlier'), 'A curve needs 30 control generations, and none has been counted yet.')
})

t.test('under a pin, the ring is at the pinned threshold, however much that loses', async (t) => {
  const pin = { at: KEY, reason: 'r', by: 'ops', expires_at: null }
  const page = await open(t, { context: example('context', { threshold: 0.618, pin, guarantee: null }) })
  const { shapes } = page.chart(TRADEOFF)
  const curve = shapes.find(({ colour, points }) => colour === page.paletteOf('accent') && points.length === 3)!
  const ring = shapes.find(({ colour }) => colour === page.paletteOf('good'))!
  t.ok(Math.abs(ring.points.at(-1)![0] - curve.points[2]![0]) < 20)
  t.ok(curve.points[2]![1] > 0, 'inside the chart')
})

t.test('thresholds near 1 are spread', async (t) => {
  const thresholds = rowsOf({ threshold: 0.999 }, { threshold: 0.99 }, { threshold: 0.9 })
  const page = await open(t, { context: example('context', { thresholds }) })
  const { texts, shapes } = page.chart(EVIDENCE)
  t.ok(['0.999', '0.99', '0.97', '0.9'].every((text) => texts.includes(text)), texts.join(', '))
  const line = shapes.find(({ colour, points }) => colour === page.paletteOf('good') && points.length === 3)!
  const [a, b, c] = line.points.map(([x]) => x)
  t.ok(Math.abs((c! - b!) / (b! - a!) - 1) < 0.1, 'each tenfold of what is missing to 1 is as wide')
})

t.test('without evidence both charts say so', async (t) => {
  const tradeoff = example('tradeoff', { points: [], threshold: null, knee: null, unfavourable_from: null })
  const page = await open(t, { context: example('context', { thresholds: [], generations: { ...example('context').generations, control: 0 } }), tradeoff })
  t.match(page.card('Cost of stopping earlier'), 'A curve needs 30 control generations, and none has been counted yet.')
  t.match(page.card(CARD), 'No evidence yet.')
  t.equal(page.all('canvas').length, 1, 'only the moves of the threshold are drawn')
})

t.test('the evidence for each threshold is listed, with the generations that it still needs', async (t) => {
  const drop = { lost: 2, kept: 1419, gained: 1, em_drop: 0.0007 }
  const coming = { ...drop, threshold: 0.97, certified: false, log_evidence: -0.5, generations_needed: 1240 }
  const thresholds = rowsOf({}, coming, { threshold: 0.5, certified: false, generations_needed: null })
  const page = await open(t, { context: example('context', { thresholds }) })
  t.same(page.table(EVIDENCE), [
    ['Threshold', 'Lost', 'Kept', 'Gained', 'EM drop', 'Tokens saved, net', 'Evidence, ln E', 'Needed'],
    ['0.985', '0', '421', '0', '0.00 pt', '20.8 %', '10.30', '✓ certified'],
    ['0.97', '2', '1,419', '1', '0.07 pt', '20.8 %', '−0.50', '1,240 more'],
    ['0.5', '0', '421', '0', '0.00 pt', '20.8 %', '10.30', 'not in sight'],
  ])
  const { texts, shapes } = page.chart(EVIDENCE)
  t.ok(texts.includes('Threshold, safest on the left'))
  t.ok(shapes.some(({ colour, dash, points }) => colour === page.paletteOf('good') && dash.length > 0 && points.length === 3), 'the line that evidence must reach')
})

t.test('generations that are open are named beside the evidence, which does not count them', async (t) => {
  const replies: Partial<Replies> = {}
  const page = await open(t, replies)
  t.match(page.card(CARD), 'Only generations that are accounted for are shown. 86 more are open: in the test they count as lost until their outcome and label arrive.')
  t.match(page.card(CARD), 'Evidence, accounted for')
  replies.context = example('context', { thresholds: rowsOf({ certified: false, generations_needed: 0 }), evidence: { ...evidence, next_certificate_in: 0 } })
  await page.send('change')
  t.equal(page.table(EVIDENCE)[1]!.at(-1), 'when open ones end')
  t.match(page.card(CARD), /422 control generations, enough for the next certificate once fewer are open\n/)
  replies.context = example('context', { follow_up: { ...followUp, open: 0 } })
  await page.send('change')
  t.notMatch(page.card(CARD), 'are open')
})

t.test('the way to the next certificate is shown in generations and time', async (t) => {
  const replies: Partial<Replies> = {}
  const page = await open(t, replies)
  t.match(page.card(CARD), '422 control generations, 355 more to the next certificate, in about 2 min')
  t.match(page.element('progress'), { value: 422, max: 777 })
  const { forecast } = example('tradeoff')
  replies.tradeoff = example('tradeoff', { forecast: { ...forecast, next_certificate: null } })
  await page.send('change')
  t.match(page.card(CARD), /355 more to the next certificate\n/)
})

t.test('without a further certificate in sight the reason is stated', async (t) => {
  const replies: Partial<Replies> = { context: example('context', { evidence: { ...evidence, next_certificate_in: null } }) }
  const page = await open(t, replies)
  t.match(page.card(CARD), '422 control generations. Every threshold is certified.')
  replies.context = example('context', { evidence: { ...evidence, next_certificate_in: null }, thresholds: rowsOf({}, { certified: false }) })
  await page.send('change')
  t.match(page.card(CARD), '422 control generations. No further certificate is in sight at the rates observed.')
  t.equal(page.all('progress').length, 0)
})

t.test('evidence that comes while the page is open is shown over time', async (t) => {
  const replies: Partial<Replies> = {}
  const page = await open(t, replies)
  t.notMatch(page.text(), 'Since you opened this page')
  replies.context = example('context', { generations: { ...generations, control: 430 }, evidence: { ...evidence, next_certificate_in: null } })
  await page.send('change')
  t.match(page.text(), 'Since you opened this page')
  t.same(page.table('Control generations since').slice(1).map(([, ...figures]) => figures), [['422', '777'], ['430', '–']])
  page.window.location.hash = '#/changes'
  await page.shows('Audit trail')
  page.window.location.hash = CONTEXT_VIEW
  await page.shows('Since you opened this page')
  t.equal(page.table('Control generations since').length, 3, 'what has not changed is no new sample')
})

const [first] = example('history').changes
const MOVES: Replies['contextHistory'] = {
  changes: [
    { ...first!, time: '2026-11-25T11:44:10.883Z', cause: 'left_pool', before: 0.97, after: null, by: undefined, reason: undefined },
    { ...first!, time: '2026-11-23T11:44:10.883Z', by: 'alice' },
  ].map(({ by, reason, ...change }) => ({ ...change, ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) })),
  modes: [{ key: '*', time: '2026-11-22T11:44:10.883Z', before: 'off', after: 'enforce', by: 'anonymous', reason: 'incident 42' }],
  next: null,
}

t.test('the moves of a threshold are listed with their causes, with the mode above it', async (t) => {
  const page = await open(t, { contextHistory: MOVES })
  t.same(page.table('Threshold over time').map(([, ...cells]) => cells), [
    ['Cause', 'Before', 'After', 'Epoch', 'Why'],
    ['left pool', '0.97', 'never stop', '1', '–'],
    ['pin', 'never stop', '0.98', '1', 'alice: incident 42'],
    ['pause ended', 'stopping disabled', 'stopping enabled', '–', 'anonymous: incident 42'],
  ])
  t.match(page.table('Threshold over time')[1]![0], /^25 Nov 2026, \d\d:\d\d:10$/)
  t.ok(page.requests.some(({ path }) => path === `v1/contexts/${encodeURIComponent(KEY)}/history?limit=200`))
})

t.test('the causes are written on the chart, where nothing is stopped in another colour', async (t) => {
  const page = await open(t, { contextHistory: MOVES })
  const { texts, shapes } = page.chart('Threshold over time')
  t.ok(texts.includes('pin') && texts.includes('left pool'))
  t.ok(shapes.some(({ colour }) => colour === page.paletteOf('warn')))
})

t.test('a threshold that has not moved, or whose moves cannot be read, has no chart', async (t) => {
  const replies: Partial<Replies> = { contextHistory: failure(503, 'STORE_UNAVAILABLE', 'The store cannot be reached.') }
  const page = await open(t, replies)
  t.match(page.card('Threshold over time'), 'The store cannot be reached, so this cannot be read now.')
  replies.contextHistory = { changes: [], modes: [], next: null }
  await page.send('change')
  t.match(page.card('Threshold over time'), 'The threshold has not moved yet.')
})

t.test('charts are drawn again in the colours of another theme', async (t) => {
  const page = await open(t)
  const colours = () => new Set(page.chart(EVIDENCE).shapes.map(({ colour }) => colour))
  t.ok(colours().has(page.paletteOf('accent')))
  const light = page.paletteOf('accent')
  await page.click('◑ Colours: auto')
  await page.click('☀ Colours: light')
  t.equal(page.window.document.documentElement.dataset.theme, 'dark')
  t.not(page.paletteOf('accent'), light)
  t.ok(colours().has(page.paletteOf('accent')) && !colours().has(light))
})
