import t from 'tap'
import { openPage } from './open-page.js'
import { ago, example, failure, serviceWith, type Replies } from './replies.js'

t.test('the fleet shows its savings in short figures', async (t) => {
  const page = await openPage(t, '', serviceWith())
  t.same(page.tile('Tokens saved, net'), ['5.21M 21.4 % at present', '4.79M to 5.63M; 5.64M by stopping, less 430K for probes'])
  t.same(page.tile('Generations'), ['20.7K', '2,310 control, 18,400 treated, in the present epochs'])
  t.same(page.tile('Contexts'), ['3', '1 stop early\n▶ enforce 3'])
  t.equal(page.card('Contexts by status'), '● certified 1 33 %\n◍ suspended 0 0 %\n◐ learning 1 33 %\n◔ unlikely 0 0 %\n▲ drifted 1 33 %')
})

t.test('modes other than enforce and pins are counted', async (t) => {
  const fleet = example('fleet', { by_mode: { enforce: 1, shadow: 2, off: 0 }, pinned: 1200 })
  const page = await openPage(t, '', serviceWith({ fleet }))
  t.equal(page.tile('Contexts')[1], '1 stop early\n▶ enforce 1\n◌ shadow 2\n◆ pins 1,200')
})

t.test('a fleet without contexts shows the next step, and no zeros', async (t) => {
  const fleet = example('fleet', { contexts: 0, by_status: { certified: 0, suspended: 0, learning: 0, unlikely: 0, drifted: 0 }, alarms: [], alarms_total: 0 })
  const page = await openPage(t, '', serviceWith({ fleet, rows: { ...example('rows'), total: 0, contexts: [] } }))
  t.equal(page.all('.tile').length, 0)
  t.match(page.card('Next step'), 'Let a model server ask this service')
  t.match(page.card('Next step'), 'proxy --upstream http://127.0.0.1:8000 --service http://localhost', 'it asks this service')
  t.equal(page.all('section[aria-label=Contexts]').length, 0, 'an empty table says nothing')
})

t.test('figures that are not known say why, without an empty chart', async (t) => {
  const at = '2026-01-05T10:00:00.000Z'
  const hour = { at, tokens_saved: null, tokens_saved_low: null, tokens_saved_high: null, tokens: 300 }
  const fleet = example('fleet', { at, tokens_saved: null, tokens_saved_low: null, tokens_saved_high: null, saved_by_hour: [hour] })
  const page = await openPage(t, '', serviceWith({ fleet }))
  t.match(page.tile('Tokens saved, net')[1], /Not known yet: too few control generations since stops began/)
  t.match(page.card('Savings over time'), 'Savings are shown once stops are made')
  t.equal(page.all('section[aria-label="Savings over time"] figure').length, 0)
})

t.test('while nothing is stopped anywhere, no alarm is no good news', async (t) => {
  const fleet = example('fleet', { alarms: [], alarms_total: 0, by_mode: { enforce: 0, shadow: 0, off: 3 } })
  t.equal((await openPage(t, '', serviceWith({ fleet }))).card('Alarms (0)'), 'There is no alarm, but nothing is stopped: no context has the mode enforce.')
})

t.test('an operator of a part of the fleet sees which part', async (t) => {
  const page = await openPage(t, '', serviceWith({ fleet: example('fleet', { prefix: 'model=q' }) }))
  t.match(page.text(), 'Fleet model=q')
})

t.test('savings are shown over the last day, and over any days with an interval and what was lost', async (t) => {
  const at = '2026-01-05T10:00:00.000Z'
  const page = await openPage(t, '', serviceWith({ fleet: example('fleet', { at }) }))
  const asked = () => page.requests.findLast(({ path }) => path.startsWith('v1/savings'))?.path
  t.match(page.card('Savings over time'), '20.7 % saved: 120K tokens\n', 'by the hour')
  t.equal(asked(), undefined, 'days are not read before they are shown')
  await page.fill('Time', 'week')
  t.match(page.card('Savings over time'), '23.5 % saved: 1.14M tokens (95 %: 912K to 1.37M). Right answers lost: 24 (95 %: −6 to 66) of 6,000 generations. About 6 more were changed and have no label.')
  t.equal(asked(), 'v1/savings?since=2025-12-29&until=2026-01-05&by=day')
  await page.fill('Time', 'range')
  await page.fill('First day', '2025-10-01')
  await page.fill('Savings of', 'model=q')
  t.equal(asked(), 'v1/savings?prefix=model%3Dq&since=2025-10-01&until=2026-01-05&by=day')
  t.equal(page.window.location.hash, '#/?span=range&since=2025-10-01&of=model%3Dq', 'a link has it')
})

t.test('the savings of a part of the fleet are shown by day', async (t) => {
  const page = await openPage(t, '', serviceWith({ fleet: example('fleet', { prefix: 'model=q', saved_by_hour: [] }) }))
  t.match(page.card('Savings over time'), '23.5 % saved')
  t.match(page.requests.findLast(({ path }) => path.startsWith('v1/savings'))?.path, /^v1\/savings\?since=/, 'the service knows the part by the token')
})

t.test('unknown savings and losses are said to be unknown, and a refused range says why', async (t) => {
  const { total } = example('savings')
  const saved = { tokens_saved: null, tokens_saved_low: null, tokens_saved_high: null }
  const unknown = { ...saved, answers_lost: null, answers_lost_low: null, answers_lost_high: null, answers_unlabelled: null }
  const replies: Partial<Replies> = { savings: { total: { ...total, ...unknown }, rows: [] } }
  const page = await openPage(t, '#/?span=month', serviceWith(replies))
  t.match(page.card('Savings over time'), 'Too few control generations to say what was saved. Right answers lost: not known of any control generation.')
  replies.savings = failure(400, 'INVALID_INPUT', '/since must be 2025-01-01 or later: days are kept for 13 months')
  await page.fill('Time', 'quarter')
  t.match(page.card('Savings over time'), 'days are kept for 13 months')
})

t.test('the files of a range are downloaded with the token, and a failure is shown', async (t) => {
  const page = await openPage(t, '#/?span=week', serviceWith({ fleet: example('fleet', { at: '2026-01-05T10:00:00.000Z' }) }))
  t.match(page.card('Savings over time'), 'they do not add up to the total')
  await page.click('Download CSV by day')
  t.equal(page.requests.at(-1)!.path, 'v1/savings.csv?since=2025-12-29&until=2026-01-05&by=day')
  t.match(page.card('Savings over time'), 'There is no v1/savings.csv')
})

t.test('a drift alarm is shown in red with its time and its effect', async (t) => {
  const alarms = [{ key: 'model=q,task=a', alarm: 'drift' as const, since: ago(48 * 60) }, { key: 'model=q,task=b', alarm: 'drift_suspected' as const, since: null }]
  const page = await openPage(t, '', serviceWith({ fleet: example('fleet', { alarms, alarms_total: 1002 }) }))
  t.equal(page.card('Alarms (1,002)'), [
    '▲', 'drift in model=q,task=a 48 min ago', 'Stopping loses more EM than allowed, as full runs show. The certified threshold was withdrawn.',
    '△', 'drift suspected in model=q,task=b', 'Stopping may have begun to lose more right answers than you allow. It goes on until that is certain; then the service withdraws a certified threshold by itself. A pin stays. To take no risk until then, set the mode to off.',
    'and 1,000 more',
  ].join('\n'))
  const [drift, suspected] = page.all('.alarms .sign')
  t.equal(page.colourOf(drift!), page.paletteOf('bad'))
  t.equal(page.colourOf(suspected!), page.paletteOf('warn'))
  await page.click('model=q,task=a')
  t.equal(page.window.location.hash, '#/context/model%3Dq%2Ctask%3Da')
})

t.test('figures that cannot be read are replaced by the message of the service, and come back', async (t) => {
  const replies: Partial<Replies> = { fleet: failure(503, 'STORE_UNAVAILABLE', 'The store cannot be reached.') }
  const page = await openPage(t, '', serviceWith(replies))
  t.match(page.read('main [role=alert]'), '▲ The store cannot be reached, so this cannot be read now.')
  replies.fleet = example('fleet')
  await page.send('change')
  t.match(page.tile('Tokens saved, net')[0], '5.21M')
  replies.fleet = example('fleet', { tokens_saved: -12_345 })
  await page.send('change')
  t.match(page.tile('Tokens saved, net')[0], '−12.3K', 'a change is shown as it happens')
})

t.test('the fleet shows the EM lost against the EM allowed', async (t) => {
  const page = await openPage(t, '', serviceWith())
  t.same(page.tile('EM lost at present'), ['0.40 pt', 'of 2.0 pt allowed, by the thresholds now in force, a mean over all generations'])
})

t.test('while the store is away the last figures are shown with their age, and the page is not called live', async (t) => {
  const replies = { ready: example('ready', { store: { kind: 'redis', up: false } }), fleet: example('fleet', { alarms: [], alarms_total: 0 }) }
  const page = await openPage(t, '', serviceWith(replies))
  await page.shows('Modes, thresholds and pins are those by which this replica decides now')
  await page.shows('Other figures are old: they were read at 5 Jan 2026')
  await page.shows('store away')
  t.equal(page.card('Alarms (0)'), 'There was no alarm when the figures were read.')
})

t.test('each view says how old its figures are, once they cannot be read again', async (t) => {
  for (const hash of ['#/changes', '#/training', '#/training/q-rl-7', '#/generation', '#/generation/req-8f2c']) {
    const replies: Partial<Replies> = {}
    const page = await openPage(t, hash, serviceWith(replies))
    t.notMatch(page.text(), 'These figures are old', hash)
    const away = failure(503, 'STORE_UNAVAILABLE', 'The store cannot be reached.')
    Object.assign(replies, { history: away, audit: away, runs: away, run: away, stops: away, generation: away })
    await page.send('change')
    t.match(page.text(), 'These figures are old', hash)
  }
})
