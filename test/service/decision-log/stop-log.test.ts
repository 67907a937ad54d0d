import t from 'tap'
import { pino } from 'pino'
import type { LoggedOutcome } from '../../../src/core/outcome/outcome.js'
import { createStopLog } from '../../../src/service/decision-log/stop-log.js'
import { certify, CONTEXT, KEY } from '../../certify.js'
import { build, type Built } from '../../helper.js'

const step = (id: string, context = CONTEXT) => ({ generation_id: id, arm: 'treated', tokens: 32, confidence: 0.99, context })
const stopsOf = async ({ send }: Pick<Built, 'send'>, query = '') => (await send('GET', `/v1/stops?${query}`)).body
const idsOf = async (built: Pick<Built, 'send'>, query = '') => (await stopsOf(built, query)).stops.map(({ generation_id: id }: { generation_id: string }) => id)

t.test('every stop is listed with its score, threshold and version, also where the decision log keeps none', async (t) => {
  const built = await build(t, { DECISION_LOG_MIB: '0' })
  const { send } = built
  await certify(built)
  t.same(await stopsOf(built), { stops: [], next: null })
  const { body: { threshold, snapshot_version: version } } = await send('POST', '/v1/decisions', step('a'))
  await send('POST', '/v1/decisions', { ...step('low'), confidence: 0.01 })
  await send('POST', '/v1/decisions/batch', { steps: [step('b')] })
  await send('POST', '/v1/decisions/batch', { steps: [{ ...step('c'), tokens: 64 }] })
  const { stops } = await stopsOf(built)
  t.match(stops, [
    { generation_id: 'c', tokens: 64, score: 0.99, threshold },
    { generation_id: 'b' },
    { generation_id: 'a', context: KEY, tokens: 32, score: 0.99, scorer: 'confidence', threshold, threshold_context: KEY, snapshot_version: version, decided_by: 'service' },
  ])
  t.equal(stops.length, 3, 'a step that continues is none')
})

t.test('stops are filtered by context and by id, and have pages', async (t) => {
  const built = await build(t)
  const other = { model: 'r', task: 'x' }
  await certify(built)
  await certify(built, other)
  for (let i = 0; i < 5; i++) {
    await built.send('POST', '/v1/decisions', step(`q${i}`))
    await built.send('POST', '/v1/decisions', step(`r${i}`, other))
    if (i === 2) await built.stopLog.flush() // the rest is another chunk
  }
  t.same(await idsOf(built, 'prefix=model=r'), ['r4', 'r3', 'r2', 'r1', 'r0'])
  t.same(await idsOf(built, 'generation_id=q1'), ['q1'])
  const all: string[] = []
  let query = 'limit=3'
  for (;;) {
    const { stops, next } = await stopsOf(built, query)
    t.ok(stops.length <= 3)
    all.push(...stops.map(({ generation_id: id }: { generation_id: string }) => id))
    if (next === null) break
    query = `limit=3&before=${next}`
  }
  t.same(all, ['r4', 'q4', 'r3', 'q3', 'r2', 'q2', 'r1', 'q1', 'r0', 'q0'])
})

t.test('a stop of a worker that decides by itself is listed once it is reported; a stop decided here has one row', async (t) => {
  const built = await build(t)
  await certify(built)
  await built.send('POST', '/v1/decisions', step('here'))
  const outcome = { arm: 'treated', context: CONTEXT, tokens: 80, answer_tokens: 5, stopped: true, stopped_probe: { tokens: 64, em: 1 }, em: 1 }
  for (const id of ['here', 'there', 'there']) await built.send('POST', '/v1/outcomes', { ...outcome, generation_id: id })
  await built.send('POST', '/v1/outcomes', { ...outcome, generation_id: 'full', stopped: false, stopped_probe: undefined })
  const { stops } = await stopsOf(built)
  t.match(stops.find(({ generation_id: id }: { generation_id: string }) => id === 'there'), { tokens: 64, score: null, threshold: null, snapshot_version: null, decided_by: 'worker' })
  t.same(await idsOf(built), ['there', 'here'])
})

t.test('the decision of a worker that decides by itself is listed as it reports it, under the context of its pool', async (t) => {
  const built = await build(t, { DEFAULT_POLICY: '{"certify_at":"model"}' })
  const { send } = built
  const outcome = { arm: 'treated', context: CONTEXT, tokens: 80, stopped: true, stopped_probe: { tokens: 64, em: 1 }, em: 1 }
  const by = { score: 0.97, threshold: 0.9, snapshot_version: 12 }
  await send('POST', '/v1/outcomes', { ...outcome, generation_id: 'a', stopped_by: by })
  await send('POST', '/v1/outcomes', { ...outcome, generation_id: 'b', stopped_by: { ...by, scorer: 'p-1' } })
  t.match((await stopsOf(built)).stops, [
    { generation_id: 'b', scorer: 'p-1' },
    { generation_id: 'a', tokens: 64, score: 0.97, scorer: 'confidence', threshold: 0.9, threshold_context: 'model=q', snapshot_version: 12, decided_by: 'worker' },
  ])
  t.match(await send('POST', '/v1/outcomes', { ...outcome, generation_id: 'c', stopped: false, stopped_probe: undefined, stopped_by: by }), {
    status: 400, body: { details: [{ path: '/stopped_by' }] },
  })
})

t.test('a stop that one replica decides and another one has reported to it is listed once, as it was decided', async (t) => {
  const built = await build(t)
  await certify(built)
  await built.send('POST', '/v1/decisions', step('a'))
  await built.stopLog.flush()
  const other = createStopLog({ ...built, stops: built.store.stops, log: pino({ level: 'silent' }) })
  const outcome = { arm: 'treated', context: CONTEXT, tokens: 80, answer_tokens: 5, stopped: true, full: {} } as unknown as LoggedOutcome
  for (const id of ['a', 'b']) other.reported(id, outcome)
  await other.close()
  t.match((await stopsOf(built)).stops, [{ generation_id: 'b', decided_by: 'worker' }, { generation_id: 'a', score: 0.99, decided_by: 'service' }])
  const first = await stopsOf(built, 'limit=1')
  t.match(first.stops, [{ generation_id: 'b' }])
  const second = await stopsOf(built, `limit=1&before=${first.next}`)
  t.match(second.stops, [{ generation_id: 'a', decided_by: 'service' }], 'also where a page ends between its outcome and its decision')
  t.same(await idsOf(built, `before=${second.next}`), [])
})

t.test('wrong answers are found by EM, time, version and context, also those that were labelled later', async (t) => {
  const built = await build(t)
  await certify(built)
  const start = new Date().toISOString()
  const version = (await built.send('POST', '/v1/decisions', step('right'))).body.snapshot_version
  for (const id of ['wrong', 'labelled', 'lost']) await built.send('POST', '/v1/decisions', step(id))
  const outcome = { arm: 'treated', context: CONTEXT, tokens: 80, answer_tokens: 5, stopped: true }
  const probe = { tokens: 32, answer: '7' }
  await built.send('POST', '/v1/outcomes', { ...outcome, generation_id: 'right', stopped_probe: probe, answer: '7', reference: '7' })
  await built.send('POST', '/v1/outcomes', { ...outcome, generation_id: 'wrong', stopped_probe: probe, answer: '8', reference: '7' })
  await built.send('POST', '/v1/outcomes', { ...outcome, generation_id: 'labelled', stopped_probe: probe, answer: '9' })
  t.match((await stopsOf(built)).stops, [
    { generation_id: 'lost', outcome: null },
    { generation_id: 'labelled', outcome: { em: null, tokens: 80, as_probed: false, answer: '9' } },
    { generation_id: 'wrong', outcome: { em: 0, tokens: 80, as_probed: false, answer: undefined } },
    { generation_id: 'right', outcome: { em: 1, tokens: 80, as_probed: true }, decided_by: 'service' },
  ])
  t.equal((await built.send('POST', '/v1/outcomes/labelled/label', { em: 0, stopped_probe_em: 1 })).status, 202)
  t.same(await idsOf(built, 'em=0'), ['labelled', 'wrong'])
  t.same(await idsOf(built, 'em=1'), ['right'])
  t.same(await idsOf(built, `em=0&since=${start}&version=${version}&prefix=model=q`), ['labelled', 'wrong'])
  for (const none of ['prefix=model=r', `version=${version + 1}`, `until=${start}`, 'since=2090-01-01T00:00:00Z']) {
    t.same(await stopsOf(built, `em=0&${none}`), { stops: [], next: null }, none)
  }
  const { stops: [newest], next } = await stopsOf(built, 'em=0&limit=1')
  t.match([newest, await idsOf(built, `em=0&before=${next}`)], [{ generation_id: 'labelled' }, ['wrong']])
  t.match(await built.send('GET', '/v1/stops?since=yesterday'), { status: 400, body: { details: [{ path: '/since' }] } })
})

t.test('without room for stops none is kept', async (t) => {
  const built = await build(t, { STOP_LOG_MIB: '0' })
  await certify(built)
  await built.send('POST', '/v1/decisions', step('a'))
  t.same(await idsOf(built), [])
})
