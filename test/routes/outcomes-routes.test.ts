import t from 'tap'
import { scaledTimes } from '../../src/core/evidence/enrolment-list.js'
import { StoreFullError } from '../../src/store/store-errors.js'
import type { Store } from '../../src/store/store.js'
import { CONTEXT, KEY, losslessOutcome, reportTo, untilEvidence } from '../certify.js'
import { countsOf } from '../follow-up-counts.js'
import { build, type Built, until } from '../helper.js'
import { bearer, tokenList } from '../token-fixtures.js'
import { ALL_CONTROL, quickPolicy } from '../quick-policy.js'

const url = `/v1/contexts/${encodeURIComponent(KEY)}`
/** Slices end within a second. */
const FOLLOWED_UP = { DEFAULT_POLICY: quickPolicy({ follow_up_seconds: 8, control_rate: 1 }) }

/** An outcome whose probed answer was wrong: only a label can tell whether stopping there would have lost anything. */
const bare = (id: string) => ({
  ...losslessOutcome(id),
  em: undefined,
  answer: undefined,
  steps: [{ tokens: 32, confidence: 0.95, em: 0 }, { tokens: 64, confidence: 0.99, em: 0 }],
})

async function untilContext ({ send }: Built, expected: Record<string, number>): Promise<any> {
  return until(`the context has ${JSON.stringify(expected)}`, async () => {
    const { body } = await send('GET', url)
    const counts = await countsOf((path) => send('GET', path), KEY)
    const seen: Record<string, number> = { ...counts, control: body.generations?.control }
    return Object.entries(expected).every(([field, value]) => seen[field] === value) && { ...body, counts }
  })
}

/** Reports an outcome of a generation that was enrolled at its first step. */
async function reportEnrolled ({ send }: Built, outcome: { generation_id: string }): Promise<{ status: number, body: any }> {
  await send('POST', '/v1/decisions', { generation_id: outcome.generation_id, tokens: 32, confidence: 0.95, context: CONTEXT })
  return await send('POST', '/v1/outcomes', outcome)
}

t.test('a label can arrive after its outcome', async (t) => {
  const built = await build(t, FOLLOWED_UP)
  const { send } = built
  t.match(await reportEnrolled(built, bare('g/1 %')), { body: { label_wanted: true } })
  await untilContext(built, { labels_wanted: 1, labels_given: 0 })
  t.same((await send('GET', `${url}/wanted-labels`)).body, { generation_ids: ['g/1 %'], next: null, last: (await send('GET', `${url}/wanted-labels`)).body.last })
  const path = `/v1/outcomes/${encodeURIComponent('g/1 %')}/label`
  t.match(await send('POST', path, { em: 1 }), { status: 202, body: { accepted: 1, duplicates: 0 } })
  t.match(await untilContext(built, { labels_given: 1, control: 1 }), { em: { full: 1 }, counts: { labels_wanted: 1 } })
  t.same((await send('GET', `${url}/wanted-labels`)).body, { generation_ids: [], next: null, last: null })
  t.match(await send('POST', path, { em: 0 }), { status: 202, body: { accepted: 0, duplicates: 1 } }, 'the first stands')
  t.match((await send('GET', '/metrics')).body, 'stopgate_labels_total{result="accepted"} 1\n')
})

t.test('a later reference grades answer and probes, whose text is not stored', async (t) => {
  const built = await build(t, FOLLOWED_UP)
  const { send, store } = built
  const steps = [{ tokens: 32, confidence: 0.95, answer: 'Rome' }]
  await reportEnrolled(built, { generation_id: 'g', arm: 'control', context: CONTEXT, tokens: 64, answer: 'Paris', steps } as { generation_id: string })
  await untilContext(built, { labels_wanted: 1 })
  t.notMatch(JSON.stringify(await store.learned()), /Rome|Paris/)
  await send('POST', '/v1/outcomes/g/label', { reference: 'paris' })
  const { thresholds } = await untilContext(built, { control: 1 })
  t.match(thresholds.at(-1), { lost: 1, kept: 0, unprobed: 0 })
})

t.test('a label for an unknown outcome is refused', async (t) => {
  const { send } = await build(t)
  const unknown = { code: 'OUTCOME_NOT_FOUND', message: /send the outcome before its label/ }
  t.match(await send('POST', '/v1/outcomes/nobody/label', { em: 1 }), { status: 404, body: unknown })
  t.match((await send('GET', '/metrics')).body, 'stopgate_labels_total{result="unknown"} 1\n')
})

t.test('a reference for an outcome without an answer is refused and does not block a later label', async (t) => {
  const built = await build(t, FOLLOWED_UP)
  const { send } = built
  await reportEnrolled(built, bare('g'))
  t.match(await send('POST', '/v1/outcomes/g/label', { reference: '42' }), { status: 400, body: { code: 'INVALID_LABEL', message: /no answer that the reference could grade/ } })
  t.match(await send('POST', '/v1/outcomes/g/label', { reference: '42', answer: '41' }), { status: 202, body: { accepted: 1 } })
  t.match(await untilContext(built, { control: 1 }), { em: { full: 0 } })
})

t.test('an outcome with a label needs no other', async (t) => {
  const built = await build(t, ALL_CONTROL)
  await reportTo(built, [losslessOutcome('g')])
  t.match(await built.send('POST', '/v1/outcomes/g/label', { em: 0 }), { status: 202, body: { accepted: 0, duplicates: 1 } })
  t.match(await untilContext(built, { control: 1 }), { em: { full: 1 } })
})

t.test('an invalid label is refused with a remedy', async (t) => {
  const { send } = await build(t)
  const bad = [[{}, /send em/], [{ em: 2 }, /em/], [{ steps: [1] }, /send em/], [{ right: true }, /not a known field/]] as const
  for (const [body, message] of bad) {
    t.match(await send('POST', '/v1/outcomes/g/label', body), { status: 400, body: { message } })
  }
  t.match(await send('POST', `/v1/outcomes/${'x'.repeat(129)}/label`, { em: 1 }), { status: 400 })
})

t.test('waiting labels survive a restart', async (t) => {
  const built = await build(t, FOLLOWED_UP)
  await reportEnrolled(built, bare('g'))
  await untilContext(built, { labels_wanted: 1 })
  const { DATA_DIR } = { DATA_DIR: built.config.dataDir }
  await built.app.close()
  const again = await build(t, { ...FOLLOWED_UP, DATA_DIR })
  t.match(await again.send('POST', '/v1/outcomes/g/label', { em: 0 }), { status: 202, body: { accepted: 1 } })
  t.match(await untilContext(again, { control: 1 }), { em: { full: 0 }, counts: { labels_given: 1 } })
})

t.test('an outcome is accepted once, by generation_id', async (t) => {
  const built = await build(t, ALL_CONTROL)
  const { send } = built
  t.match(await reportEnrolled(built, losslessOutcome('a')), { status: 202, body: { accepted: 1, duplicates: 0 } })
  t.match(await send('POST', '/v1/outcomes', losslessOutcome('a')), { status: 202, body: { accepted: 0, duplicates: 1 } })
  await reportEnrolled(built, losslessOutcome('b'))
  t.match(await untilEvidence(built, 2), { status: 'learning', em: { full: 1 }, follow_up: { accounted: 2, missing: 0 } })
})

t.test('a context counts outcomes by their fate', async (t) => {
  const built = await build(t, ALL_CONTROL)
  const base = losslessOutcome('')
  const outcomes = [
    { ...base, generation_id: 'evidence' },
    { ...base, generation_id: 'treated', arm: 'treated' },
    { ...base, generation_id: 'stopped', arm: 'treated', stopped: true, stopped_probe: { tokens: 40, em: 1 } },
    { ...base, generation_id: 'stepless', steps: undefined },
    { ...base, generation_id: 'unlabelled', em: undefined },
    { ...base, generation_id: 'one of a group', group_id: 'p', sample_index: 1, samples: 2 },
    { ...base, generation_id: 'cancelled', cancelled: true },
  ]
  await reportTo(built, outcomes)
  await built.send('POST', '/v1/outcomes', { ...base, generation_id: 'never asked', arm: undefined, steps: [], tokens: 20 })
  t.match(await untilContext(built, { enrolled: 5, accounted: 1.5, missing: 2.5, cancelled: 1 }), {
    generations: { control: 4, treated: 2 }, follow_up: { left_out: 0 }, counts: { reported: 3, steps_missing: 1, unenrolled: 1 },
  })
})

t.test('the outcome of a generation that was not enrolled is not evidence', async (t) => {
  const built = await build(t, { DEFAULT_POLICY: '{}' }, undefined, { times: scaledTimes(0.01) })
  await built.send('POST', '/v1/outcomes', losslessOutcome('a'))
  t.match(await untilContext(built, { unenrolled: 1 }), { status: 'learning', generations: { control: 0 } })
})

t.test('an empty list of steps counts as lost if the generation was long enough for a step', async (t) => {
  const built = await build(t, ALL_CONTROL)
  const outcomes = Array.from({ length: 300 }, (_, i) => ({ generation_id: `g${i}`, samples: 1, arm: 'control', context: CONTEXT, tokens: 1000, em: 1, steps: [] }))
  await reportTo(built, outcomes)
  const body = await untilEvidence(built, 300)
  t.match(body, { threshold: null, follow_up: { missing: 300 } })
  t.match(body.thresholds[0], { lost: 0, kept: 0 }, 'they are no part of what is shown')
  t.ok(body.thresholds[0].log_evidence < -1, 'but lost in the test')
})

t.test('the cadence of the leaf decides whether a generation was long enough for a step', async (t) => {
  const built = await build(t, { DEFAULT_POLICY: quickPolicy({ check_every_tokens: 512, control_rate: 1 }), CONTEXT_LEVELS: 'task' })
  const { send } = built
  await send('PUT', '/v1/contexts/*/policy', { check_every_tokens: 32 })
  await send('PUT', '/v1/contexts/task=t/policy', { check_every_tokens: 512 })
  const outcomes = Array.from({ length: 400 }, (_, i) => ({ generation_id: `g${i}`, samples: 1, arm: 'control', context: { task: 't' }, tokens: 400, em: 1, steps: [] }))
  await reportTo(built, outcomes)
  t.match((await untilEvidence(built, 400, 'task=t')).thresholds[0], { lost: 0, kept: 400, unprobed: 0 })
  t.match((await send('GET', '/v1/contexts/*')).body, { generations: { control: 0 } }, 'a context above the leaves has no evidence of its own')
})

t.test('beyond MAX_CONTEXTS outcomes count only for their parents, which a metric shows', async (t) => {
  const { send } = await build(t, { MAX_CONTEXTS: '3' })
  await send('POST', '/v1/outcomes', losslessOutcome('fits'))
  await send('POST', '/v1/outcomes', losslessOutcome('does not fit', { model: 'q', task: 'other' }))
  await until('the metric says so', async () => (await send('GET', '/metrics')).body.includes('stopgate_outcomes_without_context_total 1\n'))
  t.same((await send('GET', '/v1/contexts')).body.contexts.map(({ key }: { key: string }) => key), ['*', 'model=q', KEY])
  await until('readiness warns', async () => (await send('GET', '/readyz')).body.warnings.some((warning: string) => warning.includes('MAX_CONTEXTS')))
  t.match((await send('GET', '/v1/contexts/model=q,task=other')).body, { code: 'CONTEXT_NOT_FOUND', message: /MAX_CONTEXTS/ })
})

t.test('a busy task gets room that invented contexts have taken', async (t) => {
  const { send } = await build(t, { MAX_CONTEXTS: '12' })
  for (let i = 0; i < 15; i++) await send('POST', '/v1/outcomes', losslessOutcome(`junk-${i}`, { model: 'q', task: `random-${i}` }))
  const task = { model: 'q', task: 'honest' }
  t.match((await send('POST', '/v1/outcomes', losslessOutcome('first', task))).body.warnings, ['context_without_room'])
  await send('POST', '/v1/outcomes/batch', { outcomes: Array.from({ length: 20 }, (_, i) => losslessOutcome(`honest-${i}`, task)) })
  await until('it has room', async () => (await send('GET', '/v1/contexts/model=q,task=honest')).status === 200)
  t.notMatch((await send('POST', '/v1/outcomes', losslessOutcome('last', task))).body.warnings, ['context_without_room'])
})

t.test('a tenant that has its share of the contexts is told so, and the others go on', async (t) => {
  const ACCESS_TOKENS = tokenList({ evil: 'worker model=evil', good: 'worker model=good', ops: 'operator', metrics: 'metrics' })
  const { send } = await build(t, { MAX_CONTEXTS: '20', ACCESS_TOKENS })
  const report = (token: string, id: string, context: { model: string, task: string }) => send('POST', '/v1/outcomes', losslessOutcome(id, context), bearer(token))
  const readyz = async (token: string) => (await send('GET', '/readyz', undefined, bearer(token))).body.warnings.join()
  for (let i = 0; i < 4; i++) await report('evil', `e${i}`, { model: 'evil', task: `t${i}` })
  await until('the operator sees it', async () => /share.*: model=evil$/.test(await readyz('ops')))
  t.match((await report('evil', 'one too many', { model: 'evil', task: 'more' })).body.warnings, ['context_without_room'])
  t.notMatch((await report('evil', 'known', { model: 'evil', task: 't1' })).body.warnings, ['context_without_room'])
  t.notMatch(await readyz('evil'), /model=evil/, 'names are withheld from a bound token')
  const metrics = async () => (await send('GET', '/metrics', undefined, bearer('metrics'))).body
  await until('the metric counts it', async () => (await metrics()).includes('stopgate_outcomes_without_context_total 1\n'))
  t.match(await metrics(), /stopgate_contexts_full\{limit="total"\} 0\n.*prefix"\} 1\n/s)
  t.notMatch((await report('good', 'g', { model: 'good', task: 't' })).body.warnings, ['context_without_room'])
  await until('it is learned', async () => (await send('GET', '/v1/contexts/model=good,task=t', undefined, bearer('ops'))).status === 200)
  t.equal((await send('GET', '/v1/contexts/model=evil,task=more', undefined, bearer('ops'))).status, 404)
})

t.test('the service grades answers and does not store their text', async (t) => {
  const built = await build(t, ALL_CONTROL)
  const { store } = built
  await reportEnrolled(built, {
    generation_id: 'graded', arm: 'control', context: CONTEXT, tokens: 64, answer: '1,024', reference: ['$1024', '7'], steps: [{ tokens: 32, confidence: 0.9, answer: '1023.5' }],
  } as { generation_id: string })
  const body = await untilEvidence(built, 1)
  t.match(body, { em: { full: 1 } })
  t.match(body.thresholds.at(-1), { lost: 1, kept: 0, gained: 0, unprobed: 0 })
  t.notMatch(JSON.stringify([...(await store.learned()).contexts.values()]), '1023.5')
})

t.test('without a reference, agreement with the full run is the label if the policy says so', async (t) => {
  const built = await build(t, { DEFAULT_POLICY: quickPolicy({ label: 'agreement', control_rate: 1 }) })
  const outcome = { arm: 'control', context: CONTEXT, tokens: 64, answer: 'Paris' }
  await reportTo(built, [
    { ...outcome, generation_id: 'agrees', steps: [{ tokens: 32, confidence: 0.9, answer: 'paris.' }] },
    { ...outcome, generation_id: 'differs', steps: [{ tokens: 32, confidence: 0.9, answer: 'Rome' }] },
    { ...outcome, generation_id: 'other label', answer: undefined, em: 1, steps: [{ tokens: 32, confidence: 0.9, em: 1 }] },
  ])
  const body = await untilEvidence(built, 3)
  t.match(body.thresholds.at(-1), { lost: 2, kept: 1, gained: 0 }, 'an outcome without an answer counts as lost')
})

t.test('a full log refuses outcomes with a hint for operators', async (t) => {
  const { send, store } = await build(t)
  ;(store as { append: Store['append'] }).append = async () => { throw new StoreFullError('full') }
  t.match(await send('POST', '/v1/outcomes', losslessOutcome('a')), { status: 503, headers: { 'retry-after': '1' }, body: { code: 'LOG_FULL', message: /learner is behind.*stopgate_outcome_log_lag/ } })
  t.match((await send('GET', '/metrics')).body, 'stopgate_outcomes_total{result="unavailable",arm="control"} 1\n')
})

t.test('an id that begins with a zero character is refused, as stored ids begin so that are scoped to a token', async (t) => {
  const { send } = await build(t)
  const forged = `\0${'0'.repeat(32)}g`
  t.match(await send('POST', '/v1/outcomes', losslessOutcome(forged)), { status: 400, body: { message: /generation_id .*U\+0000/ } })
  const step = { generation_id: forged, arm: 'control', tokens: 32, confidence: 0.5, context: { model: 'm' } }
  for (const [path, body] of [['', step], ['/batch', { steps: [step] }]] as const) {
    t.match(JSON.stringify((await send('POST', `/v1/decisions${path}`, body)).body), /generation_id.*U\+0000/, path)
  }
  t.equal((await send('POST', `/v1/outcomes/${encodeURIComponent(forged)}/label`, { em: 1 })).status, 400)
  t.equal((await send('GET', `/v1/generations/${encodeURIComponent(forged)}`)).status, 400)
})

const PROSE = {
  generation_id: 'g',
  arm: 'control',
  context: CONTEXT,
  tokens: 64,
  answer: 'Paris',
  prompt: 'Capital of France?',
  steps: [{ tokens: 16, confidence: 0.5, answer: 'Rome' }, { tokens: 32, confidence: 0.4, answer: 'rome.' }, { tokens: 48, confidence: 0.95, answer: 'paris' }],
} as { generation_id: string }

t.test('the list of wanted labels has the answers to be graded until the label comes', async (t) => {
  const built = await build(t, FOLLOWED_UP)
  const { send, store } = built
  await reportEnrolled(built, PROSE)
  await untilContext(built, { labels_wanted: 1 })
  const { body } = await send('GET', `${url}/wanted-labels?answers=true&wait_seconds=5`)
  t.match(body.wanted, [{ generation_id: 'g', answer: 'Paris', early: [{ answer: 'Rome', steps: [0, 1] }], steps: 3, prompt: null }])
  t.notMatch(JSON.stringify([...await store.answers.read(['g'])]), /Capital/, 'the policy does not store prompts')
  t.match(await send('POST', '/v1/outcomes/g/label', { verdicts: ['gained', 'gained', null], source: 'judge:j' }), { status: 202, body: { accepted: 1 } })
  t.match(await untilContext(built, { labels_given: 1, control: 1 }), { em: { full: null } })
  t.equal((await store.answers.read(['g'])).size, 0)
  t.match((await send('GET', url)).body.thresholds.at(-1), { lost: 0, gained: 1 })
})

t.test('a prompt is kept where the policy says so, and is no part of the log', async (t) => {
  const built = await build(t, { DEFAULT_POLICY: quickPolicy({ follow_up_seconds: 8, control_rate: 1, store_prompts: true }) })
  await reportEnrolled(built, PROSE)
  await untilContext(built, { labels_wanted: 1 })
  const { body } = await built.send('GET', `${url}/wanted-labels?answers=true`)
  t.match(body.wanted, [{ prompt: 'Capital of France?' }])
  t.notMatch(JSON.stringify(await built.store.learned()), /Capital|Rome|Paris/)
})

t.test('a context without labels shows which grader fits its answers, and the cost of a judge', async (t) => {
  const built = await build(t, { DEFAULT_POLICY: '{"follow_up_seconds":8,"control_rate":1}' })
  await reportEnrolled(built, { ...PROSE, answer: '42', steps: [{ tokens: 32, confidence: 0.95, answer: '41' }] } as { generation_id: string })
  t.equal((await untilContext(built, { labels_wanted: 1 })).label_advice, null, 'labels may come yet')
  let reported = 0 // all of them are control, however long the reports take
  const report = () => reportEnrolled(built, {
    ...PROSE, generation_id: `g${reported++}`, answer: '42', steps: [{ tokens: 32, confidence: 0.95, answer: '41' }],
  } as { generation_id: string })
  for (let i = 0; i < 99; i++) await report()
  const { warnings, label_advice: advice } = await until('a hundred labels are wanted', async () => {
    const { body } = await built.send('GET', url)
    if ((await countsOf((path) => built.send('GET', path), KEY)).labels_wanted! >= 100) return body
    await report() // on a busy machine some were listed too late
  })
  t.ok(warnings.includes('labels_missing'))
  t.match(advice, { command: `stopgate grade --context '${KEY}' --grader number`, judge_tokens_per_day: Number })
})

t.test('a stop whose answer differs from its probe is listed with both', async (t) => {
  const built = await build(t, FOLLOWED_UP)
  const { send } = built
  await send('PUT', `${url}/pin`, { threshold: 0.5, reason: 'test' })
  const stop = { ...PROSE, arm: 'treated', steps: undefined, stopped: true, stopped_probe: { tokens: 32, answer: 'Rome' } }
  t.match(await reportEnrolled(built, stop), { body: { label_wanted: true } })
  await until('it is listed', async () => (await send('GET', `${url}/wanted-labels`)).body.generation_ids?.length === 1, 10)
  t.match((await send('GET', `${url}/wanted-labels?answers=true`)).body.wanted, [{ answer: 'Paris', early: [{ answer: 'Rome', steps: [] }] }])
  t.match(await send('POST', '/v1/outcomes/g/label', { stopped_probe_verdict: 'gained', source: 'math' }), { status: 202 })
  await until('it counts', async () => (await send('GET', url)).body.fidelity.em_drop !== null)
  t.match((await send('GET', url)).body.fidelity, { stops: 1, em_drop: -1 })
})
