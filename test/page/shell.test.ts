import t from 'tap'
import { openPage } from './open-page.js'
import { example, notReady, serviceWith, type Replies } from './replies.js'

t.test('each view has a tab, and an unknown address shows the fleet', async (t) => {
  const page = await openPage(t, '#/nowhere', serviceWith())
  const current = () => page.read('nav[aria-label=Views] [aria-current=page]')
  t.equal(current(), 'Fleet')
  for (const [tab, head] of [['Training', 'Training runs'], ['Generations', 'Why did it (not) stop?'], ['Changes', 'Changes'], ['Fleet', 'Fleet']] as const) {
    await page.click(tab)
    t.equal(page.read('h1'), head)
    t.equal(current(), tab)
    t.equal(page.window.document.title, `${tab} · stopgate`)
  }
})

t.test('the page says whether it learns of changes at once', async (t) => {
  const page = await openPage(t, '', serviceWith())
  t.equal(page.read('header [role=status]'), '◌ connecting')
  await page.send('hello')
  t.equal(page.read('header [role=status]'), '● live')
  await page.endEvents()
  t.equal(page.read('header [role=status]'), '◐ reading every 5 s')
})

t.test('without events the page says so, and reads again as soon as it is looked at again', async (t) => {
  const replies: Partial<Replies> = {}
  const page = await openPage(t, '', serviceWith(replies), { hasEvents: false })
  t.equal(page.read('header [role=status]'), '◐ reading every 5 s')
  replies.fleet = example('fleet', { contexts: 12 })
  page.window.document.dispatchEvent(new page.window.Event('visibilitychange'))
  await page.settled()
  t.equal(page.tile('Contexts')[0], '12')
})

t.test('warnings of the service are shown on every view', async (t) => {
  const replies: Partial<Replies> = { ready: example('ready', { warnings: ['The learner is failing: <b>disk</b>', 'Replicas differ.'] }) }
  const page = await openPage(t, '#/changes', serviceWith(replies))
  t.same(page.all('.banner').map(({ textContent }) => textContent), ['▲ The learner is failing: <b>disk</b>', '▲ Replicas differ.'])
  replies.ready = example('ready')
  await page.send('change')
  t.equal(page.all('.banner').length, 0, 'and is taken away when it is over')
})

t.test('on a phone warnings show the problem, with their advice folded', async (t) => {
  const ready = example('ready', { warnings: ['The learner is failing, at 0.5 of its pace. See its log: x', 'Replicas differ.', 'C.', 'D.', 'E.'] })
  const page = await openPage(t, '', serviceWith({ ready }), { width: 390 })
  t.match(page.text(), '▲ The learner is failing, at 0.5 of its pace.')
  t.match(page.text(), '▲ Replicas differ.')
  t.notMatch(page.text(), 'See its log')
  t.match(page.text(), '▲ 2 more warnings')
  t.notMatch(page.text(), 'D.')
})

t.test('a replica that is not ready shows its warnings', async (t) => {
  const page = await openPage(t, '', serviceWith({ ready: notReady(['The store cannot be reached.', 'Check REDIS_URL.']) }))
  t.equal(page.read('.banner'), '▲ The store cannot be reached. Check REDIS_URL.')
  t.equal(page.read('header [role=status]'), '▲ not ready')
  const silent = await openPage(t, '', serviceWith({ ready: notReady([]) }))
  t.equal(silent.read('.banner'), '▲ The service answered 503.')
})

t.test('a service that cannot be reached is reported, and its last figures stay', async (t) => {
  let isDown = false
  const page = await openPage(t, '', (request) => {
    if (isDown) throw new TypeError('Failed to fetch')
    return serviceWith()(request)
  })
  t.equal(page.all('.banner').length, 0)
  isDown = true
  await page.send('change')
  t.equal(page.read('.banner'), '▲ The service cannot be reached. Figures on this page may be old.')
  t.equal(page.read('header [role=status]'), '▲ service away')
  t.equal(page.tile('Tokens saved, net')[0], '5.21M 21.4 % at present')
  isDown = false
  await page.send('change')
  t.equal(page.all('.banner').length, 0)
})

t.test('going back leaves the scroll position to the browser where only the filter moves', async (t) => {
  const page = await openPage(t, '', serviceWith())
  let scrolled = 0
  Object.assign(page.window, { scrollTo: () => { scrolled++ } })
  page.window.location.hash = '#/?status=drifted'
  await page.settled()
  t.equal(scrolled, 0)
  await page.click('Changes')
  t.equal(scrolled, 1, 'another view begins at its top')
})

t.test('the theme follows the system until another one is chosen, which the browser keeps', async (t) => {
  const page = await openPage(t, '', serviceWith(), { colorScheme: 'dark' })
  const theme = () => page.window.document.documentElement.dataset.theme
  const dark = page.paletteOf('accent')
  t.equal(theme(), undefined)
  await page.click('◑ Colours: auto')
  t.equal(theme(), 'light')
  t.not(page.paletteOf('accent'), dark)
  await page.click('☀ Colours: light')
  t.equal(theme(), 'dark')
  t.equal(page.paletteOf('accent'), dark)
  const again = await openPage(t, '', serviceWith(), { localStorage: { ...page.window.localStorage } })
  t.equal(again.window.document.documentElement.dataset.theme, 'dark')
  await again.click('☾ Colours: dark')
  t.equal(again.window.document.documentElement.dataset.theme, undefined)
  const damaged = await openPage(t, '', serviceWith(), { localStorage: { 'stopgate-theme': 'pink' } })
  t.equal(damaged.read('header button[title^=Colours]'), '◑ Colours: auto')
})

t.test('the first link leads past the tabs to the content', async (t) => {
  const page = await openPage(t, '#/changes', serviceWith())
  await page.click('Skip to the content')
  t.equal(page.window.document.activeElement?.id, 'main')
  t.equal(page.window.location.hash, '#/changes')
})
