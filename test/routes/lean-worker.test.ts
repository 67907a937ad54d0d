import t, { type Test } from 'tap'
import { build, until, type Built } from '../helper.js'
import { askThrough, CONTEXT, KEY, lived } from '../lean-worker.js'
import { startRedis, withoutRedis } from '../redis-server.js'

const url = `/v1/contexts/${encodeURIComponent(KEY)}`

async function contextOf ({ send }: Pick<Built, 'send'>, outcomes: number) {
  return until(`${outcomes} outcomes are learned`, async () => {
    const { body } = await send('GET', url)
    return body.control_generations === outcomes && body
  })
}

async function joined ({ metrics }: Built): Promise<string[]> {
  const samples = (await metrics.render()).matchAll(/stopgate_joined_outcomes_total{result="(\w+)"} (\d+)/g)
  return [...samples].map(([, result, count]) => `${count} ${result}`)
}

/** The certificate of a worker that keeps its steps and sends them. */
async function keptEvidence (t: Test, generations: ReturnType<typeof lived>) {
  const built = await build(t, { DEFAULT_POLICY: '{"follow_up_seconds":0,"record_steps":false}' })
  const reports = await askThrough(generations, () => built.send)
  await built.send('POST', '/v1/outcomes/batch', { outcomes: reports.map(({ kept }) => kept) })
  const context = await contextOf(built, generations.length)
  return { thresholds: context.thresholds, threshold: context.threshold, probes: reports.reduce((sum, { probes }) => sum + probes, 0) }
}

const GENERATIONS = lived(400)

t.test('a worker that sends no steps gets the same certificate as a worker that does', async (t) => {
  const { thresholds, threshold, probes } = await keptEvidence(t, GENERATIONS)
  t.type(threshold, 'number')
  t.match(thresholds.at(-1), { unprobed: 0 })
  t.ok(thresholds.some(({ lost }: { lost: number }) => lost > 0), 'there is something to lose')
  const asked = GENERATIONS.reduce((sum, { steps }) => sum + steps.length, 0)
  t.ok(probes < asked, `${probes} probes at ${asked} steps`)

  for (const count of [true, false]) {
    const built = await build(t)
    const reports = await askThrough(GENERATIONS, () => built.send)
    const outcomes = reports.map(({ lean }) => count ? lean : { ...lean, steps_asked: undefined })
    await built.send('POST', '/v1/outcomes/batch', { outcomes })
    const context = await contextOf(built, GENERATIONS.length)
    t.strictSame(context.thresholds, thresholds, count ? 'by its count of steps' : 'by the cadence')
    t.equal(context.threshold, threshold)
    t.match(await joined(built), ['400 complete', '0 incomplete', '0 none'])
    await until('the records are forgotten', async () => (await built.store.stepRecords.read(GENERATIONS.map(({ id }) => id))).size === 0)
  }
})

t.test('two replicas on one Redis share the steps of one generation', { skip: withoutRedis }, async (t) => {
  const { thresholds } = await keptEvidence(t, GENERATIONS)
  const { url: REDIS_URL } = await startRedis(t)
  const [one, other] = [await build(t, { REDIS_URL }), await build(t, { REDIS_URL })]
  const reports = await askThrough(GENERATIONS, (i) => [one, other][i % 2]!.send)
  await one.send('POST', '/v1/outcomes/batch', { outcomes: reports.map(({ lean }) => lean) }) // the other's last steps are on their way
  const context = await contextOf(other, GENERATIONS.length)
  t.strictSame(context.thresholds, thresholds)
  t.match(await joined(one), ['400 complete', '0 incomplete', '0 none'])
})

t.test('a lost step makes the generation count as lost at every threshold', async (t) => {
  for (const steps_asked of [3, undefined]) {
    const built = await build(t)
    const step = { generation_id: 'g', arm: 'control', context: CONTEXT }
    await built.send('POST', '/v1/decisions', { ...step, tokens: 32, confidence: 0.5, em: 1 })
    await built.send('POST', '/v1/decisions', { ...step, tokens: 96, confidence: 0.6, em: 1 })
    await built.send('POST', '/v1/outcomes', { generation_id: 'g', arm: 'control', context: CONTEXT, tokens: 100, em: 1, steps_asked })
    const { thresholds } = await contextOf(built, 1)
    for (const row of thresholds) t.match(row, { lost: 1, kept: 0 })
    t.match(await joined(built), ['0 complete', '1 incomplete', '0 none'])
  }
})

t.test('recorded answers are graded with the outcome, and their text is not stored', { skip: withoutRedis }, async (t) => {
  for (const label of ['exact_match', 'agreement']) {
    const { url: REDIS_URL } = await startRedis(t)
    const built = await build(t, { REDIS_URL, DEFAULT_POLICY: JSON.stringify({ follow_up_seconds: 0, label }) })
    const outcome = {
      arm: 'control', context: CONTEXT, tokens: 50, answer: 'Paris', ...(label === 'exact_match' && { reference: 'paris' }), steps_asked: 1,
    }
    for (const [id, answer] of [['keeps', 'PARIS.'], ['loses', 'Rome']]) {
      const generation_id = `${label} ${id}`
      await built.send('POST', '/v1/decisions', { generation_id, context: CONTEXT, tokens: 32, confidence: 0.9, answer })
      await built.recorder.flush()
      t.equal((await built.store.stepRecords.read([generation_id])).get(generation_id)!.length, 1)
      t.notMatch(JSON.stringify([...await built.store.stepRecords.read([generation_id])]), /paris|rome/i)
      await built.send('POST', '/v1/outcomes', { generation_id, ...outcome })
    }
    const { thresholds } = await contextOf(built, 2)
    t.match(thresholds.at(-1), { lost: 1, kept: 1, unprobed: 0 }, label)
  }
})

t.test('treated generations are not recorded', async (t) => {
  const built = await build(t)
  const ids = Array.from({ length: 100 }, (_, i) => `g${i}`)
  const steps = (arm: string) => ids.map((id) => ({ generation_id: `${arm} ${id}`, arm, tokens: 32, confidence: 0.9, context: CONTEXT }))
  await built.send('POST', '/v1/decisions/batch', { steps: [...steps('treated'), ...steps('control')] })
  await built.send('POST', '/v1/decisions', steps('treated')[0])
  await built.recorder.flush()
  t.equal((await built.store.stepRecords.read(ids.map((id) => `treated ${id}`))).size, 0)
  t.equal((await built.store.stepRecords.read(ids.map((id) => `control ${id}`))).size, 100)
})

t.test('a generation whose record has expired counts as lost', async (t) => {
  const built = await build(t, { RECORD_SECONDS: '1' })
  await built.send('POST', '/v1/decisions', { generation_id: 'g', tokens: 32, confidence: 0.9, context: CONTEXT })
  await built.recorder.flush()
  t.equal((await built.store.stepRecords.read(['g'])).size, 1)
  await until('it has expired', async () => (await built.store.stepRecords.read(['g'])).size === 0)
  await built.send('POST', '/v1/outcomes', { generation_id: 'g', arm: 'control', context: CONTEXT, tokens: 40, em: 1, steps_asked: 1 })
  t.match(await contextOf(built, 1), { control_generations: 1, follow_up: { missing: 1 } })
  t.match(await joined(built), ['0 complete', '0 incomplete', '1 none'])
})
