import t from 'tap'
import { CONTEXT, KEY, losslessOutcome } from '../certify.js'
import type { Store } from '../../src/store/store.js'
import { scaledTimes } from '../../src/core/enrolment/times.js'
import { build, until } from '../helper.js'
import { StoreFullError } from '../../src/store/store-errors.js'

const url = `/v1/contexts/${encodeURIComponent(KEY)}`

t.test('an outcome is accepted once, by generation_id', async (t) => {
  const { send } = await build(t)
  t.match(await send('POST', '/v1/outcomes', losslessOutcome('a')), { status: 202, body: { accepted: 1, duplicates: 0 } })
  t.match(await send('POST', '/v1/outcomes', losslessOutcome('a')), { status: 202, body: { accepted: 0, duplicates: 1 } })
  await send('POST', '/v1/outcomes', losslessOutcome('b'))
  const context = await until('both ids are learned', async () => {
    const { body } = await send('GET', url)
    return body.control_generations === 2 && body
  })
  t.match(context, { status: 'learning', em_full: 1, follow_up: { accounted: 2, missing: 0 } })
})

t.test('a context counts outcomes by what became of them', async (t) => {
  const { send } = await build(t, { DEFAULT_POLICY: '{"follow_up_seconds":0,"label":"exact_match"}' })
  const base = losslessOutcome('')
  const outcomes = [
    { ...base, generation_id: 'evidence' },
    { ...base, generation_id: 'treated', arm: 'treated' },
    { ...base, generation_id: 'stopped', arm: 'treated', stopped: true },
    { ...base, generation_id: 'stepless', steps: undefined },
    { ...base, generation_id: 'unlabelled', em: undefined },
    { ...base, generation_id: 'one of a group', group_id: 'p', sample_index: 1 },
    { ...base, generation_id: 'cancelled', cancelled: true },
    { ...base, generation_id: 'never asked', steps: [], tokens: 40 },
  ]
  t.match((await send('POST', '/v1/outcomes/batch', { outcomes })).body, { accepted: outcomes.length })
  t.match(await until('all are learned', async () => {
    const { body } = await send('GET', url)
    return body.follow_up?.enrolled === 5 && body.follow_up.cancelled === 1 && body
  }), { control_generations: 5, treated_generations: 2, follow_up: { cancelled: 1, reported: 4 } })
})

t.test('the outcome of a generation that was not enrolled is no evidence', async (t) => {
  const { send } = await build(t, { DEFAULT_POLICY: '{}' }, undefined, { times: scaledTimes(0.01) })
  await send('POST', '/v1/outcomes', losslessOutcome('a'))
  const body = await until('it is counted', async () => { const { body } = await send('GET', url); return body.follow_up?.unenrolled === 1 && body })
  t.match(body, { status: 'learning', control_generations: 0 })
})

t.test('an empty list of steps is no evidence if the generation was long enough for a step', async (t) => {
  const { send } = await build(t)
  const outcomes = Array.from({ length: 300 }, (_, i) => ({ generation_id: `g${i}`, arm: 'control', context: CONTEXT, tokens: 1000, em: 1, steps: [] }))
  await send('POST', '/v1/outcomes/batch', { outcomes })
  const body = await until('all are learned', async () => { const { body } = await send('GET', url); return body.control_generations === 300 && body })
  t.match(body, { threshold: null, unprobed: 300 })
  t.match(body.thresholds[0], { lost: 300, unprobed: 300 })
})

t.test('the cadence of the leaf decides whether a generation was long enough for a step', async (t) => {
  const { send } = await build(t, { DEFAULT_POLICY: '{"follow_up_seconds":0,"check_every_tokens":512}', CONTEXT_LEVELS: 'task' })
  await send('PUT', '/v1/contexts/*/policy', { check_every_tokens: 32 })
  await send('PUT', '/v1/contexts/task=t/policy', { check_every_tokens: 512 })
  const outcomes = Array.from({ length: 400 }, (_, i) => ({ generation_id: `g${i}`, arm: 'control', context: { task: 't' }, tokens: 400, em: 1, steps: [] }))
  await send('POST', '/v1/outcomes/batch', { outcomes })
  await until('all are learned', async () => (await send('GET', '/v1/contexts/task=t')).body.control_generations === 400)
  t.match((await send('GET', '/v1/contexts/task=t')).body.thresholds[0], { lost: 0, kept: 400, unprobed: 0 })
  t.match((await send('GET', '/v1/contexts/*')).body, { control_generations: 0 }, 'a context above the leaves has no evidence of its own')
})

t.test('beyond MAX_CONTEXTS outcomes count only for their parents, which a metric shows', async (t) => {
  const { send } = await build(t, { MAX_CONTEXTS: '3' })
  await send('POST', '/v1/outcomes', losslessOutcome('fits'))
  await send('POST', '/v1/outcomes', losslessOutcome('does not fit', { model: 'q', task: 'other' }))
  await until('the metric says so', async () => (await send('GET', '/metrics')).body.includes('stopgate_outcomes_without_context_total 1\n'))
  t.same((await send('GET', '/v1/contexts')).body.contexts.map(({ key }: { key: string }) => key), ['*', 'model=q', KEY])
})

t.test('the service grades answers and does not store their text', async (t) => {
  const { send, store } = await build(t)
  await send('POST', '/v1/outcomes', {
    generation_id: 'graded', arm: 'control', context: CONTEXT, tokens: 64, answer: '1,024', reference: ['$1024', '7'], steps: [{ tokens: 32, confidence: 0.9, answer: '1023.5' }],
  })
  const body = await until('it is learned', async () => { const { body } = await send('GET', url); return body.control_generations === 1 && body })
  t.match(body, { em_full: 1 })
  t.match(body.thresholds.at(-1), { lost: 1, kept: 0, gained: 0, unprobed: 0 })
  t.notMatch(JSON.stringify([...(await store.learned()).contexts.values()]), '1023.5')
})

t.test('without a reference, agreement with the full run is the label if the policy says so', async (t) => {
  const { send } = await build(t, { DEFAULT_POLICY: '{"follow_up_seconds":0,"label":"agreement"}' })
  const outcome = { arm: 'control', context: CONTEXT, tokens: 64, answer: 'Paris' }
  await send('POST', '/v1/outcomes/batch', {
    outcomes: [
      { ...outcome, generation_id: 'agrees', steps: [{ tokens: 32, confidence: 0.9, answer: 'paris.' }] },
      { ...outcome, generation_id: 'differs', steps: [{ tokens: 32, confidence: 0.9, answer: 'Rome' }] },
      { ...outcome, generation_id: 'other label', answer: undefined, em: 1, steps: [{ tokens: 32, confidence: 0.9, em: 1 }] },
    ],
  })
  const body = await until('they are learned', async () => { const { body } = await send('GET', url); return body.control_generations === 3 && body })
  t.match(body.thresholds.at(-1), { lost: 2, kept: 1, gained: 0 }, 'an outcome without an answer counts as lost')
})

t.test('a full log refuses outcomes with a hint for operators', async (t) => {
  const { send, store } = await build(t)
  ;(store as { append: Store['append'] }).append = async () => { throw new StoreFullError('full') }
  t.match(await send('POST', '/v1/outcomes', losslessOutcome('a')), { status: 503, headers: { 'retry-after': '1' }, body: { code: 'LOG_FULL', message: /learner is behind.*stopgate_outcome_log_lag/ } })
  t.match((await send('GET', '/metrics')).body, 'stopgate_outcomes_total{result="unavailable",arm="control"} 1\n')
})
