import t from 'tap'
import type { FleetPageReply } from '../../src/page/api.js'
import { openPage, type Request } from './open-page.js'
import { ago, failure, rowOf, serviceWith, type Replies } from './replies.js'

const pageOf = (...contexts: FleetPageReply['contexts']): FleetPageReply => ({ at: ago(0), snapshot: { version: 1, age_seconds: 0, stale: false }, total: contexts.length, contexts })

/** The options of the newest request for rows. */
function asked (requests: readonly Request[]): Record<string, string> {
  return Object.fromEntries(new URL(requests.findLast(({ path }) => path.startsWith('v1/fleet/contexts'))!.path, 'http://localhost').searchParams)
}

t.test('a certified context shows its threshold, its drop against the bound, its savings and its evidence', async (t) => {
  const page = await openPage(t, '', serviceWith({ rows: pageOf(rowOf({ updated_at: ago(60) })) }))
  t.same(page.table('Contexts'), [
    ['Context', 'Status', 'Threshold', 'EM drop and bound', 'Tokens saved, net ↓', 'Evidence', 'Generations/h', 'Last outcome'],
    ['model=example,task=example', '● certified', '0.97', '0.40 pt of 2.0 pt', '5.21M 24.0 %', '1,200 +420 to next', '2,450', '1 min ago'],
  ])
  t.match(page.card('Contexts'), '1–1 of 1')
})

t.test('a context whose next certificate waits for open generations says so', async (t) => {
  const page = await openPage(t, '', serviceWith({ rows: pageOf(rowOf({ generations_to_next_certificate: 0 })) }))
  t.equal(page.table('Contexts')[1]![5], '1,200 next when open ones end')
})

t.test('a context without a certificate never stops, and shows its alarm and its states', async (t) => {
  const row = rowOf({
    status: 'drifted',
    mode: 'shadow',
    is_leaf: false,
    threshold: null,
    em_drop: null,
    tokens_saved: 0,
    tokens_saved_ratio: null,
    control_generations: 32,
    generations_to_next_certificate: null,
    alarms: ['left_pool', 'tokens_lost'],
    updated_at: ago(3601),
    generations_per_hour: null,
  })
  const page = await openPage(t, '', serviceWith({ rows: pageOf(row) }))
  t.same(page.table('Contexts')[1], [
    'model=example,task=example ▲ left pool', '▲ drifted ◌ shadow pool', 'never stop', '– of 2.0 pt', '0', '32', '–', '1 h ago',
  ])
  t.equal(page.colourOf(page.element('tbody .badge.drifted')), page.paletteOf('bad'))
})

t.test('a row under a pin says so in place of the status, which is not in force', async (t) => {
  const page = await openPage(t, '', serviceWith({ rows: pageOf(rowOf({ is_pinned: true, pinned_at: rowOf({}).key, mode: 'enforce' })) }))
  t.equal(page.table('Contexts')[1]![1], '◆ pinned')
  const member = await openPage(t, '', serviceWith({ rows: pageOf(rowOf({ pinned_at: 'model=pool', mode: 'enforce' })) }))
  t.equal(member.table('Contexts')[1]![1], '◆ pinned by its pool')
})

t.test('on a phone a page has five rows', async (t) => {
  const page = await openPage(t, '', serviceWith({ rows: { ...pageOf(...Array.from({ length: 5 }, (_, i) => rowOf({ key: `model=m${i}` }))), total: 12 } }), { width: 390 })
  t.match(asked(page.requests), { limit: '5' })
  await page.click('Next')
  t.match(asked(page.requests), { limit: '5', offset: '5' })
})

t.test('a drop beyond the bound is marked', async (t) => {
  const row = rowOf({ em_drop: 0.031, em_drop_low: 0.001, em_drop_high: 0.05 })
  const page = await openPage(t, '', serviceWith({ rows: pageOf(row) }))
  t.equal(page.table('Contexts')[1]![3], '3.10 pt of 2.0 pt')
  t.equal(page.element('tbody .drop-bar .mark').className, 'mark bad')
  t.equal(page.element('tbody .drop-bar .mark').style.left, '77.5%', 'the bar ends at twice the bound')
})

t.test('a click on a head sorts, and a second one turns the order round', async (t) => {
  const page = await openPage(t, '', serviceWith())
  t.match(asked(page.requests), { sort: 'tokens_saved', descending: 'true', offset: '0', limit: '50' })
  await page.click('Context')
  t.match(asked(page.requests), { sort: 'key', descending: 'false' }, 'names begin with the smallest')
  t.equal(page.read('th[aria-sort]'), 'Context ↑')
  await page.click('Context ↑')
  t.match(asked(page.requests), { sort: 'key', descending: 'true' })
  t.equal(page.read('section[aria-label=Contexts] caption'), 'Contexts, sorted by key, largest first')
  await page.fill('Sort by', 'control_generations')
  t.match(asked(page.requests), { sort: 'control_generations', descending: 'true' }, 'figures begin with the largest')
})

/** Holds back the timers that the page starts from now on, except those of its frames. @returns lets them run, one by one */
function holdTimers ({ window, settled }: Awaited<ReturnType<typeof openPage>>): () => Promise<void> {
  const { setTimeout, clearTimeout } = window
  const held = new Map<unknown, () => void>()
  Object.assign(window, {
    setTimeout (action: () => void, ms = 0) {
      if (ms < 100) return setTimeout.call(window, action, ms)
      const id = {}
      held.set(id, action)
      return id
    },
    clearTimeout (id: unknown) { if (!held.delete(id)) clearTimeout.call(window, id as NodeJS.Timeout) },
  })
  return async () => {
    for (const action of held.values()) {
      action()
      await settled()
    }
  }
}

t.test('a search is sent after a pause in typing, and a status at once', async (t) => {
  const page = await openPage(t, '', serviceWith())
  page.window.document.body.dispatchEvent(new page.window.KeyboardEvent('keydown', { key: '/', bubbles: true, cancelable: true }))
  t.equal(page.window.document.activeElement, page.field('Search'), 'the key / begins a search')
  const endPause = holdTimers(page)
  await page.fill('Search', 'gsm')
  await page.fill('Search', 'gsm8k math')
  t.equal(asked(page.requests).search, undefined)
  await endPause()
  t.equal(asked(page.requests).search, 'gsm8k math')
  t.notOk(page.requests.some(({ path }) => path.endsWith('search=gsm')), 'an unfinished word is not sent')
  await page.fill('Status', 'drifted')
  t.match(asked(page.requests), { search: 'gsm8k math', status: 'drifted', offset: '0' })
})

t.test('long lists are read in pages', async (t) => {
  const rows = Array.from({ length: 50 }, (_, i) => rowOf({ key: `model=m${i}` }))
  const replies: Partial<Replies> = { rows: { ...pageOf(...rows), total: 1051 } }
  const page = await openPage(t, '', serviceWith(replies))
  t.match(page.card('Contexts'), '1–50 of 1,051')
  t.ok(page.control('Previous').hasAttribute('disabled'))
  await page.click('Next')
  t.match(asked(page.requests), { offset: '50' })
  t.match(page.card('Contexts'), '51–100 of 1,051')
  await page.click('Previous')
  t.match(asked(page.requests), { offset: '0' })
  await page.click('Next')
  await page.click('Status')
  t.match(asked(page.requests), { offset: '0', sort: 'status' }, 'another order begins with its first page')
  await page.click('Next')
  await page.fill('Search', 'gsm8k')
  await page.until('the search is sent', () => asked(page.requests).search === 'gsm8k')
  t.equal(asked(page.requests).offset, '0', 'and so does a search')
})

t.test('rows stay while the service fails, beside its message', async (t) => {
  const replies: Partial<Replies> = {}
  const page = await openPage(t, '', serviceWith(replies))
  replies.rows = failure(429, 'TOO_MANY', 'Too many requests.')
  await page.send('change')
  t.equal(page.table('Contexts').length, 2)
  t.match(page.card('Contexts'), '▲ Too many requests.')
})

t.test('a hostile name is shown as text', async (t) => {
  const key = 'model=<script>window.planted=1</script>,task=<img src=x onerror=window.planted=1>'
  const page = await openPage(t, '', serviceWith({ rows: pageOf(rowOf({ key })) }))
  t.equal(page.table('Contexts')[1]![0], key)
  t.equal(page.all('#page script, #page img[src=x]').length, 0)
  t.equal((page.window as unknown as { planted?: number }).planted, undefined)
  await page.click(key)
  t.equal(page.read('h1'), key, 'its address leads to it')
})

t.test('search, filter and order are in the address, and are read from it', async (t) => {
  const page = await openPage(t, '#/?search=math&status=drifted&sort=key&descending=false', serviceWith())
  t.match(asked(page.requests), { search: 'math', status: 'drifted', sort: 'key', descending: 'false' })
  await page.fill('Status', '')
  await page.until('the address follows', () => page.window.location.hash === '#/?search=math&sort=key&descending=false')
})

t.test('going back and forward moves the filter', async (t) => {
  const page = await openPage(t, '#/?search=math', serviceWith())
  await page.fill('Status', 'drifted')
  t.match(asked(page.requests), { search: 'math', status: 'drifted' })
  page.window.location.hash = '#/?search=math' // as the browser does on going back
  await page.settled()
  t.equal(asked(page.requests).status, undefined)
  t.equal(page.field('Status').value, '')
  page.window.location.hash = '#/?search=gsm8k&status=learning'
  await page.settled()
  t.match(asked(page.requests), { search: 'gsm8k', status: 'learning' })
  t.equal(page.field('Search').value, 'gsm8k')
  await page.click('Fleet')
  t.equal(asked(page.requests).search, undefined, 'and the tab shows all')
  t.equal(page.field('Search').value, '')
})
