import t from 'tap'
import { uniform } from '../../src/core/assignment/arm.js'
import { build, until } from '../helper.js'

const context = { model: 'm', task: 'a' }
const KEY = '/v1/contexts/model=m,task=a'
const ids = Array.from({ length: 60 }, (_, i) => `g${i}`)

t.test('where only enrolled generations report, replies say so in every form, and the context counts the others', async (t) => {
  const { send, snapshotHolder, metrics } = await build(t, { DEFAULT_POLICY: '{"reports":"enrolled","control_rate":0.1,"follow_up_seconds":60,"check_every_tokens":32}' })
  await send('PUT', `${KEY}/pin`, { threshold: 0.9, reason: 'test' })
  await until('the pin is in force', () => snapshotHolder.snapshot().root.children.get('m')?.children.get('a')?.rule.threshold === 0.9)
  const salt = snapshotHolder.snapshot().salt!
  const isNeeded = (id: string) => uniform(salt, id) < 0.2
  const others = ids.filter((id) => !isNeeded(id))
  t.ok(others.length > 30 && others.length < 60)
  const first = (id: string) => ({ generation_id: id, tokens: 32, confidence: 0.5, context })
  const single = await Promise.all(ids.map(async (id) => (await send('POST', '/v1/decisions', first(id))).body.report))
  t.same(single, ids.map(isNeeded))
  const { body: batch } = await send('POST', '/v1/decisions/batch', { steps: ids.map(first) })
  t.same(batch.decisions.map(({ report }: { report: boolean }) => report), single)
  const cells = { context: ids.map(() => 0), tokens: ids.map(() => 32), confidence: ids.map(() => 0.5) }
  const columns = { contexts: [context], ...cells, generation_ids: ids }
  t.same((await send('POST', '/v1/decisions/columns', columns)).body.unreported, [...ids.keys()].filter((row) => !isNeeded(ids[row]!)))
  const later = await send('POST', '/v1/decisions', { ...first(others[0]!), arm: 'treated', tokens: 64, confidence: 1 })
  t.match(later.body, { decision: 'stop', report: undefined })
  t.notOk('unreported' in (await send('POST', '/v1/decisions/columns', { ...columns, arms: ids.map(() => 'treated') })).body)
  const generations = 3 * others.length // each first step came three times
  const steps = generations + 1 + others.length
  await until('the sums are learned', async () => (await send('GET', KEY)).body.reporting?.unreported.steps === steps)
  const { body: shown } = await send('GET', KEY)
  t.match(shown.reporting, { mode: 'enrolled', unreported: { generations, steps, stops: 1 } })
  const outcome = { generation_id: others[0], context, arm: 'treated', tokens: 80, em: 1, stopped: true, samples: 1, stopped_probe: { tokens: 64, em: 1 } }
  t.match(await send('POST', '/v1/outcomes', outcome), { status: 202, body: { accepted: 1, label_wanted: false } }, 'it may be sent all the same')
  t.match(await send('POST', '/v1/outcomes', outcome), { body: { duplicates: 1 } })
  const text = await metrics.render()
  t.match(text, `stopgate_context_unreported{context="model=m,task=a",of="generations"} ${generations}`)
  t.match(text, 'stopgate_context_reports_enrolled{context="model=m,task=a"} 1')
})

t.test('the largest counts that a worker may report leave the context readable, and larger ones are refused', async (t) => {
  const { send, snapshotHolder } = await build(t, { DEFAULT_POLICY: '{"reports":"enrolled","follow_up_seconds":60}' })
  await send('PUT', `${KEY}/pin`, { threshold: 0.9, reason: 'test' })
  await until('the pin is in force', () => snapshotHolder.snapshot().root.children.get('m')?.children.get('a')?.rule.threshold === 0.9)
  const report = (count: number) => send('POST', '/v1/enrolments', {
    context, epoch: null, share: 0.2, age_ms: 0, generations: [], unreported: { generations: count, steps: count, stops: count },
  })
  t.equal((await report(1e308)).status, 400)
  t.equal((await report(1e9 + 1)).status, 400)
  for (let i = 0; i < 2; i++) t.equal((await report(1e9)).status, 202)
  const sums = { generations: 2e9, steps: 2e9, stops: 2e9 }
  await until('the sums are learned', async () => (await send('GET', KEY)).body.reporting?.unreported.steps === 2e9)
  t.strictSame((await send('GET', KEY)).body.reporting.unreported, sums)
})
