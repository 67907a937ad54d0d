import t, { type Test } from 'tap'
import type { GenerationReply, StopsReply } from '../../src/page/api.js'
import { openPage } from './open-page.js'
import { example, failure, serviceWith, type Replies } from './replies.js'

const open = async (t: Test, changes: Partial<GenerationReply> = {}) =>
  await openPage(t, '#/generation/req-8f2c', serviceWith({ generation: example('generation', changes) }))
const [step] = example('generation').steps
const { outcome } = example('generation')

t.test('an id that is typed in is looked up', async (t) => {
  const page = await openPage(t, '#/generation', serviceWith())
  t.same(page.requests.filter(({ path }) => path.startsWith('v1/generations')), [], 'none is read without an id')
  await page.fill('Generation id', ' req/8f2c ')
  await page.click('Find')
  t.equal(page.window.location.hash, '#/generation/req%2F8f2c')
  t.ok(page.requests.some(({ path }) => path === 'v1/generations/req%2F8f2c'))
  await page.shows('At its last step')
})

t.test('a generation shows why it was not stopped, and what became of it', async (t) => {
  const page = await open(t)
  const card = page.card('req-8f2c')
  t.match(card, '▶ control ● enrolled in model=example,task=example')
  t.match(card, 'At its last step, after 192 tokens, the decision was continue (control arm): the score was high enough, but control generations are never stopped.')
  t.match(card, 'It ran in full with 402 tokens; its answer was right.')
  const [head, ...rows] = page.table('Score and threshold of req-8f2c')
  t.same(head, ['Tokens', 'Score', 'Threshold', 'Decision', 'Because', 'Time'])
  t.same(rows.map((row) => row.slice(0, 5)), [
    ['128', '0.7100', '0.93', 'continue', 'the score was too low'],
    ['192', '0.9700', '0.93', 'continue', 'the score was high enough, but control generations are never stopped'],
  ])
  t.match(rows[0]![5], /^1 Jan 2026, \d\d:\d\d:00$/)
  t.ok(page.chart('Score and threshold of req-8f2c').texts.includes('Score'))
})

t.test('every reason is stated in words', async (t) => {
  const reasons: ReadonlyArray<readonly [GenerationReply['steps'][number]['reason'], string]> = [
    ['off', 'the mode of the policy is off'], ['stale_snapshot', 'the replica was out of step with the store for too long'],
    ['no_threshold', 'no threshold was certified, or a pin said never'], ['no_score', 'the worker sent no confidence'],
    ['min_tokens', 'the min_tokens of the policy were not reached'], ['shadow', 'the score was high enough, but the mode of the policy is shadow'],
    ['score_at_threshold', 'the score reached the threshold'],
  ]
  const steps = reasons.map(([reason], i) => ({ ...step!, reason, tokens: i, score: null, threshold: null }))
  const page = await open(t, { steps })
  t.same(page.table('Score and threshold of').slice(1).map((row) => row[4]), reasons.map(([, meaning]) => meaning))
  t.same(page.table('Score and threshold of')[1]!.slice(1, 3), ['–', 'never stop'])
})

t.test('what became of a generation is stated', async (t) => {
  const cases: ReadonlyArray<readonly [string, Partial<NonNullable<typeof outcome>>]> = [
    ['It was stopped with 402 tokens; its answer was wrong.', { stopped: true, em: 0 }],
    ['It was cancelled with 402 tokens; whether its answer was right is unknown.', { cancelled: true, em: null }],
  ]
  const replies: Partial<Replies> = {}
  const page = await openPage(t, '#/generation/req-8f2c', serviceWith(replies))
  for (const [text, changes] of cases) {
    replies.generation = example('generation', { outcome: { ...outcome!, ...changes } })
    await page.send('change')
    t.match(page.card('req-8f2c'), text)
  }
})

t.test('a generation of a worker that decides by itself has an outcome alone', async (t) => {
  const page = await open(t, { arm: null, enrolled: false, steps: [] })
  t.equal(page.card('req-8f2c'), 'in model=example,task=example\nIt ran in full with 402 tokens; its answer was right.\nNo step is logged: the worker decided by itself.')
})

t.test('a generation that is not logged is looked for among the stops', async (t) => {
  const page = await openPage(t, '#/generation/gone', serviceWith({ generation: failure(404, 'GENERATION_UNKNOWN', 'The decision log has no such generation.') }))
  t.match(page.card('gone'), /^The decision log does not have its steps\. Stops are listed for longer:/)
  t.equal(page.table('Stops')[1]![1], 'req-8f2c')
  t.equal(page.field('Generation id').value, 'gone')
})

t.test('a hostile id is shown as text', async (t) => {
  const id = '<img src=x onerror=window.planted=1>'
  const page = await openPage(t, `#/generation/${encodeURIComponent(id)}`, serviceWith({ generation: example('generation', { generation_id: id }) }))
  t.equal(page.read('section.card:last-child h2'), id)
  t.equal(page.all('main img').length, 0)
})

t.test('recent stops are listed, filtered by context, with the history of their thresholds', async (t) => {
  const asked: string[] = []
  const service = serviceWith()
  const page = await openPage(t, '#/generation', (request) => { asked.push(request.path); return service(request) })
  const [head, row] = page.table('Stops')
  t.same(head, ['Time', 'Generation', 'Context', 'Tokens', 'Score', 'Threshold', 'Version', 'Decided by', 'Served answer'])
  t.same(row!.slice(1), ['req-8f2c', 'model=steady-8b,task=math', '416', '0.9810', '0.9730', '35', 'service', 'right'])
  await page.fill('Context of the stops', 'model=q')
  await page.click('Filter')
  await page.until('it is sent', () => asked.includes('v1/stops?limit=25&prefix=model%3Dq'))
  t.equal(page.window.location.hash, '#/generation?stops=model%3Dq', 'a link has it')
  await page.click('Older')
  await page.until('the next page is read', () => asked.includes('v1/stops?limit=25&prefix=model%3Dq&before=1789700645678-0%3A12'))
  await page.fill('Served answer', '0')
  await page.until('wrong answers are read', () => asked.includes('v1/stops?limit=25&prefix=model%3Dq&em=0'))
  t.equal(page.window.location.hash, '#/generation?stops=model%3Dq&em=0')
  await page.click('0.9730')
  await page.until('its history is read', () => asked.includes('v1/history?limit=200&prefix=model%3Dsteady-8b%2Ctask%3Dmath'))
})

t.test('what a stop served is said in words', async (t) => {
  const { stops: [stop] } = example('stops')
  const outcomes: Array<StopsReply['stops'][number]['outcome']> = [
    null, { em: null, tokens: 9, as_probed: null }, { em: 0, tokens: 9, as_probed: true }, { em: 0, tokens: 9, as_probed: false, answer: '7' },
  ]
  const page = await openPage(t, '#/generation', serviceWith({ stops: { stops: outcomes.map((outcome) => ({ ...stop!, outcome })), next: null } }))
  t.same(page.table('Stops').slice(1).map((row) => row.at(-1)), ['not reported', 'no label', 'wrong', 'wrong, not as probed: 7'])
})

t.test('a stop without steps in the decision log is still found', async (t) => {
  const page = await openPage(t, '#/generation/req-8f2c', serviceWith({ generation: failure(404, 'GENERATION_NOT_FOUND', 'no') }))
  await page.shows('Stops are listed for longer')
  t.equal(page.table('Stops')[1]![3], '416')
})
