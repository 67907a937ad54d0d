import t, { type Test } from 'tap'
import type { ContextDetail } from '../../src/page/api.js'
import { DIAGNOSES } from '../../src/core/reports/diagnosis.js'
import { openPage } from './open-page.js'
import { ago, CONTEXT_VIEW, example, failure, KEY, rowOf, serviceWith, type Replies } from './replies.js'

const open = async (t: Test, changes: Partial<ContextDetail> = {}) =>
  await openPage(t, CONTEXT_VIEW, serviceWith({ context: example('context', changes) }))

/** The bound on both parts of the loss, each of which may fail at the error level. */
const SERVED = '; from full run to served answer at most 4.4 pt, error level 10.0 %'
const GATHERED = '; for traffic like the 422 generations from 4 Oct 2026, 08:30:00 to 4 Oct 2026, 09:12:30'

t.test('a certified context shows its threshold with its guarantee, and its figures with their units', async (t) => {
  const page = await open(t, { updated_at: ago(120) })
  t.same(page.tile('Threshold in force'), ['0.985', `At most 3.0 pt lost, error level 5.0 %, post hoc${SERVED}${GATHERED}`])
  t.same(page.tile('EM drop'), ['0.00 pt', '3.0 pt allowed, true drop −2.19 pt to 2.19 pt. Missing: 1 of 422; if all were lost, 0.24 pt'])
  t.same(page.tile('Tokens saved, net'), ['38.1K', '31.5K to 44.8K; 20.8 % of a generation at this threshold; 7,720 tokens spent on probes, at present 4.0 % of all'])
  t.same(page.tile('Generations'), ['1,002', '422 control, 580 treated; control share 20 %; checks are at least 32 tokens apart'])
  t.equal(page.read('.badges'), '● certified ▶ enforce epoch 1 · last outcome 2 min ago')
})

t.test('while the context cannot be read, it says how the replica decides in it now', async (t) => {
  const replies: Partial<Replies> = {}
  const page = await openPage(t, CONTEXT_VIEW, serviceWith(replies))
  t.notMatch(page.text(), 'No generation is stopped here')
  const row = rowOf({ key: KEY, mode: 'shadow' })
  Object.assign(replies, { context: failure(503, 'STORE_UNAVAILABLE', 'The store cannot be reached.'), rows: example('rows', { contexts: [row] }) })
  await page.send('change')
  await page.shows('These figures are old')
  await page.shows('No generation is stopped here.')
  Object.assign(replies, { rows: example('rows', { contexts: [{ ...row, mode: 'enforce', threshold: 0.95 }] }) })
  await page.send('change')
  await page.shows('Generations are stopped at 0.95')
})

t.test('on a phone the details of a context begin folded', async (t) => {
  const folded = async (width: number) => {
    const page = await openPage(t, CONTEXT_VIEW, serviceWith(), { width })
    return page.all('details.card').map((card) => card.getAttribute('aria-label'))
  }
  t.same(await folded(1280), [])
  t.same(await folded(390), ['Control against treated', 'Probe form', 'Follow-up', 'Predictors', 'Policy'])
})

t.test('a context that only sums up those below shows its sums, and them', async (t) => {
  const page = await open(t, { ...UNCERTIFIED, diagnosis: { reason: 'sums_only', text: 'Look below.' }, generations: { ...generations, control: 0 } })
  t.notOk(page.all('[aria-label=Actions] button').some(({ textContent }) => textContent === 'Pin …'), 'it would have no effect')
  t.same(page.all('.tile h2').map(({ textContent }) => textContent), ['Tokens saved, net', 'Treated generations'])
  t.match(page.read('.badges'), /^▶ enforce epoch/, 'it neither learns nor is certified')
  t.ok(page.requests.some(({ path }) => /^v1\/fleet\/contexts\?.*prefix=/.test(path)))
  t.equal(page.all('.banner').length, 0, 'that is nothing to be warned of')
})

t.test('the contexts above are links', async (t) => {
  const page = await open(t)
  t.equal(page.read('nav.path'), 'Fleet › all contexts › model=steady-8b › task=choices')
  await page.click('model=steady-8b')
  t.equal(page.read('h1'), 'model=steady-8b')
  await page.click('all contexts')
  t.equal(page.read('h1'), 'All contexts (*)')
  t.equal(page.read('nav.path'), 'Fleet › all contexts')
})

/** A context for which nothing is certified. */
const { em, tokens, generations, guarantee, fidelity } = example('context')
const UNCERTIFIED: Partial<ContextDetail> = {
  status: 'learning',
  threshold: null,
  guarantee: null,
  em: { ...em, drop: null, interval: null, drop_if_missing_lost: null },
  tokens: { ...tokens, saved_ratio: null },
}
const PIN = { at: KEY, reason: 'incident 42', by: 'alice', expires_at: null }
const POOL = { key: 'model=steady-8b', left_at: null, first_generations_left: null }

t.test('the page states why nothing is stopped, or the promise of the threshold', async (t) => {
  const cases: ReadonlyArray<readonly [promise: string, changes: Partial<ContextDetail>]> = [
    ['None is certified yet', UNCERTIFIED],
    ['The threshold was withdrawn, since stopping seemed to lose more than you allow, and none has been certified since', { ...UNCERTIFIED, status: 'drifted' }],
    ['After a breach, none is in force before 4 Mar 2026, 12:00:00', { ...UNCERTIFIED, status: 'drifted', fidelity: { ...fidelity, held_until: '2026-03-04T12:00:00.000Z' } }],
    ['It has left its pool, since its own generations lose more EM than the pool allows', { ...UNCERTIFIED, status: 'drifted', pool: { ...POOL, left_at: ago(60) } }],
    ['By a pin, without a guarantee', { guarantee: null, pin: PIN }],
    ['By the pin of its pool, without a guarantee', { guarantee: null, pool: POOL, pin: { ...PIN, at: POOL.key } }],
    ['New in its pool: 18 of its first generations are left to run in full, and nothing is stopped before', { ...UNCERTIFIED, status: 'certified', pool: { ...POOL, first_generations_left: 18 } }],
    [`At most 3.0 pt lost, error level 5.0 %, over the pool as a whole${GATHERED}`, { pool: POOL, guarantee: { ...guarantee!, post_hoc: false, total_em_drop_bound: null } }],
  ]
  const replies: Partial<Replies> = {}
  const page = await openPage(t, CONTEXT_VIEW, serviceWith(replies))
  for (const [promise, changes] of cases) {
    replies.context = example('context', changes)
    await page.send('change')
    t.equal(page.tile('Threshold in force')[1], promise)
  }
})

t.test('a context without a certificate shows the loss allowed, and dashes for unknown figures', async (t) => {
  const page = await open(t, UNCERTIFIED)
  t.equal(page.tile('Threshold in force')[0], 'never stop')
  t.same(page.tile('EM drop'), ['–', '3.0 pt allowed'])
  t.match(page.tile('Tokens saved, net')[1], /^31.5K to 44.8K; \d/)
})

t.test('savings that are not known say why, and a threshold that is not applied says so', async (t) => {
  const page = await open(t, { tokens: { ...tokens, saved: null, interval: null }, mode: 'off' })
  t.match(page.tile('Tokens saved, net'), ['–', /^Not known yet: too few control generations/])
  t.match(page.tile('Threshold in force')[1], /Not applied, since the mode is off$/)
})

t.test('the root of an empty service shows the next step, and an unknown context what to check', async (t) => {
  const unknown = failure(404, 'CONTEXT_NOT_FOUND', 'Context * is unknown.')
  const root = await openPage(t, '#/context/*', serviceWith({ context: unknown }))
  t.match(root.card('Next step'), 'Let a model server ask this service')
  const other = await openPage(t, '#/context/model%3Dx', serviceWith({ context: unknown }))
  t.match(other.card('Nothing is known of this context'), 'Check how workers spell it')
})

t.test('the reason why nothing is likely to be certified is shown, with what would change it', async (t) => {
  const diagnosis = { reason: 'too_costly', text: DIAGNOSES.too_costly } as const
  const page = await open(t, { ...UNCERTIFIED, status: 'unlikely', diagnosis, generations: { ...generations, control_share: 0.02 } })
  t.match(page.read('.badges'), '◔ unlikely')
  t.match(page.read('.banner'), /Nothing is stopped here\. Learning and probes would cost more.*use shorter probes, ask less often.*only 2 % of the generations/)
})

t.test('a pin shows who set it, why and when it ends', async (t) => {
  const page = await open(t, { threshold: 0.9, pin: { ...PIN, expires_at: '2026-03-04T12:00:00.000Z' } })
  t.match(page.read('.banner'), /^◆ Pinned to 0\.9 by alice \(incident 42\), until [45] Mar 2026, \d\d:\d\d:00\. A pinned threshold has no guarantee\.$/)
  t.match(page.read('.badges'), '◆ pinned')
  const never = await open(t, { threshold: null, pin: PIN })
  t.match(never.read('.banner'), '◆ Pinned to never stop by alice (incident 42), until it is removed.')
  const member = await open(t, { threshold: 0.9, pin: { ...PIN, at: 'model=steady-8b' } })
  t.match(member.read('.badges'), '◆ pinned')
  t.equal(member.read('.banner'), '◆ Pinned to 0.9 at its pool, model=steady-8b, by alice (incident 42), until it is removed. A pinned threshold has no guarantee.')
})

t.test('a hold is announced while no threshold is in force, and not under a pin', async (t) => {
  const held = { fidelity: { ...fidelity, held_until: '2026-03-04T12:00:00.000Z' } }
  const page = await open(t, { ...UNCERTIFIED, ...held })
  t.match(page.read('.banner'), /^△ Stops served other answers than were probed .* so no certified threshold is in force until 4 Mar 2026, 12:00:00\./)
  const pinned = await open(t, { pin: PIN, guarantee: null, ...held })
  t.same(pinned.all('.banner').map(({ textContent }) => textContent!.slice(0, 8)), ['◆ Pinned'])
})

t.test('a hostile reason or name is shown as text', async (t) => {
  const reason = '<script>window.planted=1</script>'
  const page = await open(t, { pin: { ...PIN, reason, by: '<b>eve</b>' } })
  t.match(page.read('.banner'), `by <b>eve</b> (${reason})`)
  t.equal(page.all('#page script, .banner b').length, 0)
})

t.test('problems with the reports of workers are shown with their meaning', async (t) => {
  const page = await open(t, { ...UNCERTIFIED, warnings: ['outcomes_missing', 'grader_broken'] })
  t.equal(page.card('Alarms (2)'), [
    '△', 'outcomes missing', 'Most enrolled generations are missing: their outcomes, steps or labels have not arrived in time.',
    '▲', 'grader broken', 'Grades show no differences, or contradict each other: no further threshold is certified, and a loss would not be seen.',
  ].join('\n'))
  t.same(page.all('.alarms .sign').map((sign) => page.colourOf(sign)), [page.paletteOf('warn'), page.paletteOf('bad')])
})

t.test('a suspicion of drift or breach is an alarm before anything is withdrawn, and not after', async (t) => {
  const { forecast } = example('tradeoff')
  const suspicious = example('tradeoff', { forecast: { ...forecast, heading: 'stricter' } })
  const replies: Partial<Replies> = {}
  const page = await openPage(t, CONTEXT_VIEW, serviceWith(replies))
  const alarms = async (context: Partial<ContextDetail>, tradeoff = example('tradeoff')) => {
    Object.assign(replies, { context: example('context', context), tradeoff })
    await page.send('change')
    return page.all('.alarms b').map(({ textContent }) => textContent)
  }
  const suspected = { fidelity: { ...fidelity, breach: 'suspected' as const } }
  t.same(await alarms({}), [])
  t.same(await alarms({}, suspicious), ['drift suspected'])
  t.match(page.card('Alarms (1)'), /may have begun to lose more right answers than you allow\. It goes on until that is certain; then the service withdraws a certified threshold by itself/)
  t.same(await alarms(suspected), ['breach suspected'])
  t.match(page.card('Alarms (1)'), 'to take no risk until then, set the mode to off')
  t.same(await alarms({ fidelity: { ...fidelity, breach: 'breached' } }), [])
  t.same(await alarms({ ...UNCERTIFIED, ...suspected }, suspicious), [], 'nothing is stopped')
})

t.test('a grader that is taken for broken is named with the sign of it', async (t) => {
  const page = await open(t, { warnings: ['grader_broken'], labels: { asked_from: null, grader_fault: 'answers_all_the_same' } })
  t.equal(page.read('.banner'), '△ The grader is taken for broken. All final answers are one text, so the extractor may find the same in all.')
})

t.test('generations that went missing are shown beside the estimate, and not before there are any', async (t) => {
  const { follow_up: followUp } = example('context')
  const followed = { ...followUp, accounted: 755, missing: 57 }
  const missing = await open(t, { em: { ...em, drop: 0.0028, drop_if_missing_lost: 0.07 }, follow_up: followed })
  t.match(missing.tile('EM drop')[1], /\. Missing: 57 of 812; if all were lost, 7\.00 pt$/)
  const none = await open(t, { follow_up: { ...followUp, missing: 0 } })
  t.notMatch(none.tile('EM drop')[1], 'Missing')
})

t.test('the command that gives labels is shown where none has come, with the cost of a judge', async (t) => {
  const advice = { command: "stopgate grade --context 'model=q' --grader number", judge_tokens_per_day: 52_800 } as const
  const page = await open(t, { label_advice: advice })
  t.equal(page.read('.banner pre'), advice.command)
  t.match(page.read('.banner'), /A judge would read about 52\.8K tokens a day, and the prompts, which it needs and the policy does not store\.$/)
  const unpriced = await open(t, { label_advice: { ...advice, judge_tokens_per_day: null } })
  t.notMatch(unpriced.read('.banner'), 'tokens a day')
})

t.test('an unknown context shows its name and the message of the service', async (t) => {
  const page = await openPage(t, '#/context/model%3D%3Cb%3E', serviceWith({ context: failure(404, 'CONTEXT_UNKNOWN', 'No outcome has named this context.') }))
  t.equal(page.read('h1'), 'model=<b>')
  t.equal(page.read('main [role=alert]'), '▲ No outcome has named this context.')
})

t.test('a context without a trade-off shows its other panels', async (t) => {
  const page = await openPage(t, CONTEXT_VIEW, serviceWith({ tradeoff: failure(503, 'STORE_UNAVAILABLE', 'The store cannot be reached.') }))
  t.notMatch(page.text(), 'Cost of stopping earlier')
  t.match(page.text(), 'Control against treated')
  t.equal(page.requests.filter(({ path }) => path === `v1/contexts/${encodeURIComponent(KEY)}/tradeoff`).length, 1)
})
