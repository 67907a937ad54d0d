import t, { type Test } from 'tap'
import type { ContextDetail } from '../../src/page/api.js'
import { openPage } from './open-page.js'
import { ago, CONTEXT_VIEW, example, serviceWith, type Replies } from './replies.js'

const open = async (t: Test, changes: Partial<ContextDetail> = {}) =>
  await openPage(t, CONTEXT_VIEW, serviceWith({ context: example('context', changes) }))
const { arms: [control, treated], fidelity, follow_up: followUp } = example('context')
const { effective: policy } = example('policy')

t.test('the arms are compared, with the interval of their difference', async (t) => {
  const page = await open(t)
  t.same(page.table('Control against treated'), [
    ['Arm', 'Generations', 'EM', 'Mean tokens'],
    ['Control (run in full)', '191', '88.5 % (83.9 % to 93.1 %)', '374 (351 to 400)'],
    ['Treated (stopped at the threshold)', '580', '91.0 % (88.7 % to 93.3 %)', '295 (283 to 308)'],
  ])
  t.match(page.card('Control against treated'), 'Difference of EM: 2.50 pt (−9.10 pt to 14.10 pt, at level 0.001)')
  const bar = page.element('.difference')
  t.equal(bar.getAttribute('aria-label')!.replaceAll('\u00a0', ' '), '2.50 pt, from −9.10 pt to 14.10 pt; −3.00 pt is allowed')
  const places = Object.fromEntries(['.mark', '.zero', '.bound'].map((part) => [part, parseFloat(page.element(`.difference ${part}`).style.left)]))
  t.ok(places['.bound']! < places['.zero']! && places['.zero']! < places['.mark']!, 'a gain lies to the right of zero, the allowed loss to the left')
})

t.test('arms that are too small are not compared', async (t) => {
  const empty = { ...treated!, generations: 0, em: null, em_interval: null, tokens: null, tokens_interval: null }
  const page = await open(t, { arms: [control!, empty], em_difference_interval: null })
  t.match(page.card('Control against treated'), 'A comparison of the arms needs 20 right and 20 wrong answers in each.')
  t.same(page.table('Control against treated')[2], ['Treated (stopped at the threshold)', '0', '–', '–'])
  t.equal(page.all('.difference').length, 0)
})

t.test('the probe form is shown with the forms that were tried and how often it gives the real answer', async (t) => {
  const known = example('context').probe_form!
  const replies: Partial<Replies> = {}
  const page = await openPage(t, CONTEXT_VIEW, serviceWith(replies))
  t.match(page.card('Probe form'), 'boxed, up to 6 tokens · found by trial; at the end of the reasoning it was right 95.7 % of 23 times')
  t.same(page.table('Forms that were tried')[2], ['boxed', '100.0 %', '100.0 %', '4.10'])
  replies.context = example('context', { probe_form: { ...known, name: null, tokens: null, validity: null } })
  await page.send('change')
  t.match(page.card('Probe form'), 'No form gives the answers of the model, so nothing is probed.')
})

t.test('served answers are compared with probed ones', async (t) => {
  const replies: Partial<Replies> = {}
  const page = await openPage(t, CONTEXT_VIEW, serviceWith(replies))
  t.match(page.card('Control against treated'),
    'Served as probed: 99.3 % of 431 stops; EM lost between probe and served answer: 0.17 pt (−1.06 pt to 1.42 pt, of all treated generations)')
  replies.context = example('context', { fidelity: { ...fidelity, awaiting_label: 3 } })
  await page.send('change')
  t.match(page.card('Control against treated'), 'of all treated generations); differing stops that wait for a label, not counted yet: 3')
  replies.context = example('context', { fidelity: { ...fidelity, stops: 0, ratio: null, em_drop: null, interval: null } })
  await page.send('change')
  t.match(page.card('Control against treated'), 'No stop has been reported since the threshold or the mode last changed.')
  t.equal(page.read('.verdict'), '– Nothing is known yet of what stops serve since the threshold or the mode last changed.', 'which is no good news')
})

t.test('a breach is shown in red, a suspicion as a warning, and neither in green', async (t) => {
  const cases = [
    ['good', '✓ Stops serve what was probed.', {}],
    ['warn', '△ Served answers seem to lose more EM against the probed ones than is allowed.', { breach: 'suspected' }],
    ['bad', '▲ Served answers lose more EM against the probed ones than is allowed.', { breach: 'breached' }],
    ['bad', '▲ Stops lost the answers that were probed, so no certified threshold is in force for a time.', { breach: 'suspected', held_until: '2026-03-04T12:00:00.000Z' }],
    ['bad', '▲ Served answers lose more EM against the probed ones than is allowed.', { breach: 'breached', held_until: '2026-03-04T12:00:00.000Z' }],
  ] as const
  const replies: Partial<Replies> = {}
  const page = await openPage(t, CONTEXT_VIEW, serviceWith(replies))
  for (const [colour, text, changes] of cases) {
    replies.context = example('context', { fidelity: { ...fidelity, ...changes } })
    await page.send('change')
    t.equal(page.read('.verdict'), text)
    t.equal(page.colourOf(page.element('.verdict')), page.paletteOf(colour))
  }
})

t.test('a pool lists its members, and marks those that have left', async (t) => {
  const worst = [
    { key: 'model=q,task=a', threshold: null, control_generations: 1200, em_drop: 0.05, em_drop_low: 0.01, em_drop_high: 0.09, tokens_saved_ratio: 0.31, over_bound: true, left_at: ago(60) },
    { key: 'model=q,task=b', threshold: 0.9, control_generations: 0, em_drop: null, em_drop_low: null, em_drop_high: null, tokens_saved_ratio: null, over_bound: false, left_at: null },
  ]
  const page = await open(t, { members: { total: 40, over_bound: 1, left: 1, new: 3, worst } })
  t.same(page.table('Members of the pool'), [
    ['Context', 'Generations', 'EM drop and bound', 'Tokens saved, net'],
    ['model=q,task=a ▲ left', '1,200', '5.00 pt of 3.0 pt', '31.0 %'],
    ['model=q,task=b', '0', '–', '–'],
  ])
  t.match(page.card('Members of the pool'), '1 of 40 lose more than 3.0 pt so far · 1 have left the pool')
})

t.test('a context that is no pool has no list of members', async (t) => {
  t.notMatch((await open(t)).text(), 'Members of the pool')
})

t.test('the fates of enrolled generations are listed with their meaning, without those of none', async (t) => {
  const page = await openPage(t, CONTEXT_VIEW, serviceWith({
    context: example('context', { follow_up: { ...followUp, cancelled: 5 } }), policy: example('policy', { effective: { ...policy, follow_up_seconds: 7200 } }),
  }))
  t.match(page.card('Follow-up'), 'They have 2 h to report.')
  t.match(page.card('Follow-up'), '99.8 % accounted for · 1.2 % cancelled')
  const [head, ...rows] = page.table('Follow-up')
  t.same(head, ['What', 'Generations', 'Meaning'])
  t.same(rows.map(([what, generations]) => `${what} ${generations}`), ['enrolled 508', 'open 86', 'accounted 421', 'missing 1', 'cancelled 5', 'left out 3'])
  t.same(rows[3], ['missing', '1', 'did not come in time: lost in the test, but no part of the estimates'])
})

t.test('before the first generation the follow-up lists none', async (t) => {
  const none = Object.fromEntries(Object.keys(followUp).map((field) => [field, 0])) as typeof followUp
  const page = await openPage(t, CONTEXT_VIEW, serviceWith({ context: example('context', { follow_up: none }) }))
  t.match(page.card('Follow-up'), 'No generation is due yet')
  t.same(page.table('Follow-up').slice(1).map(([what, generations]) => [what, generations]), [['enrolled', '0']])
})

t.test('live predictors are listed with the savings that they would have had in the context, beside the confidence', async (t) => {
  const [trained] = example('predictors').predictors
  const elsewhere = { ...trained!, name: 'elsewhere', held_out_savings: {} }
  const predictors = { predictors: [trained!, elsewhere, { ...trained!, name: 'gone', status: 'retired' as const }] }
  const replies: Partial<Replies> = { predictors }
  const page = await openPage(t, CONTEXT_VIEW, serviceWith(replies))
  const head = ['Predictor', 'It would save', 'The confidence', 'EM lost, at most', 'Generations']
  t.same(page.table('Predictors'), [head, ['auto-304', '27.4 %', '22.6 %', '3.0 pt', '152']])
  t.match(page.card('Predictors'), 'an estimate by cross-validation over prompts, and no certificate')
  replies.context = example('context', { score: 'auto-304' })
  await page.send('change')
  t.equal(page.table('Predictors')[1]![0], 'auto-304 in force')
})

t.test('without an estimate for the context, no predictors are shown', async (t) => {
  const page = await openPage(t, CONTEXT_VIEW, serviceWith({ predictors: { predictors: [] } }))
  t.notOk(page.all('.card').some((card) => card.getAttribute('aria-label') === 'Predictors'))
})
