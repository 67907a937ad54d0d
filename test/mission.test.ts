import { Ajv } from 'ajv'
import t, { type Test } from 'tap'
import { GRID } from '../src/core/decide/grid.js'
import { scaledTimes } from '../src/core/evidence/enrolment-list.js'
import { until } from './helper.js'
import { startRedis, withoutRedis } from './redis-server.js'
import { startProcess, type ServiceProcess } from './service-process.js'

// Each test states a sentence of the mission and shows it on the service as users start it: two replicas, which share their model in Redis.
// The bound is five times the default, so that 36 lossless generations certify a threshold. The times of enrolment are a fifth, and
// evidence spans two seconds instead of half an hour.

const ENV = {
  CONTEXT_LEVELS: 'model,training_state,task',
  DEFAULT_POLICY: JSON.stringify({ max_em_drop: 0.1, follow_up_seconds: 4, evidence_span_seconds: 2, min_tokens: 32 }),
  LEASE_SECONDS: '0.5',
  POLL_SECONDS: '0.2',
}

type Context = Readonly<Record<string, string>>

const keyOf = (context: Context) => Object.entries(context).map(([level, value]) => `${level}=${value}`).join()
const contextOf = (task: string, training_state = 'final'): Context => ({ model: 'q', training_state, task })
const pathOf = (context: Context) => `/v1/contexts/${encodeURIComponent(keyOf(context))}`

let generations = 0

/** Workers ask at their first step. Control generations report: a stop at 64 of their 128 tokens keeps the answer, or loses it. */
async function work (service: ServiceProcess, context: Context, { count = 60, loses = false } = {}): Promise<void> {
  const ids = Array.from({ length: count }, () => `generation-${generations++}`)
  const first = { tokens: 32, confidence: 0.1 }
  const asked = await service.post('/v1/decisions/batch', { steps: ids.map((generation_id) => ({ generation_id, context, ...first })) })
  const outcomes = ids.map((generation_id, i) => ({
    generation_id,
    samples: 1,
    arm: asked.body.decisions[i].arm,
    context,
    tokens: 128,
    em: 1,
    answer: generation_id,
    steps: [{ ...first, em: 0 }, { tokens: 64, confidence: 0.9, em: loses ? 0 : 1, ...!loses && { answer: generation_id } }],
  }))
  await service.post('/v1/outcomes/batch', { outcomes: outcomes.filter(({ arm }) => arm === 'control') })
}

/** A decision at a step of a treated generation, which is not enrolled. */
async function decisionAt (service: ServiceProcess, context: Context, step: { tokens: number, confidence: number }) {
  return (await service.post('/v1/decisions', { generation_id: `asked-${generations++}`, arm: 'treated', context, ...step })).body
}

/** Works steadily until a replica decides with a certified threshold, which takes longer than the span. @returns that threshold */
async function certify (worker: ServiceProcess, decider: ServiceProcess, context: Context): Promise<number> {
  return await until(`${keyOf(context)} is certified`, async () => {
    const due = Date.now() + 200
    await work(worker, context, { count: 30 })
    await until('a tenth of the span is over', () => Date.now() >= due)
    return (await decisionAt(decider, context, { tokens: 64, confidence: 0 })).threshold
  })
}

/** A line of Prometheus' text format. */
const TEXT_FORMAT = /^# (?:HELP|TYPE) |^[a-z_]\w*(?:\{(?:\w+="(?:[^"\\]|\\.)*",?)*\})? (?:-?[\d.]+(?:e[+-]?\d+)?|NaN|[+-]Inf)$/i

t.test('the mission', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t)
  const startReplica = () => startProcess(t, { ...ENV, REDIS_URL: redis.url }, { times: scaledTimes(0.2) })
  const [worker, decider] = [startReplica(), startReplica()]
  const learns = async (replica: ServiceProcess) => (await replica.get('/readyz')).body.learner.leader
  await until('a replica learns', async () => await learns(worker) || await learns(decider))
  const context = contextOf('gsm8k')

  await t.test('at each step it decides whether to stop, from tokens, confidence and context, against the live model in Redis', async (t) => {
    t.match(await decisionAt(decider, context, { tokens: 64, confidence: 1 }), { decision: 'continue', threshold: null }, 'nothing is learned yet')
    await certify(worker, decider, context)
    const at = async (step: { tokens: number, confidence: number }, where = context) => (await decisionAt(decider, where, step)).decision
    t.equal(await at({ tokens: 64, confidence: 0.95 }), 'stop', 'the other replica has learned')
    t.equal(await at({ tokens: 64, confidence: 0.05 }), 'continue', 'the confidence is too low')
    t.equal(await at({ tokens: 16, confidence: 0.95 }), 'continue', 'there are too few tokens')
    t.equal(await at({ tokens: 64, confidence: 0.95 }, contextOf('aime')), 'continue', 'this context has learned nothing')
  })

  await t.test('each reply states the threshold in force', async (t) => {
    const { threshold } = (await decider.get(pathOf(context))).body
    t.type(threshold, 'number')
    t.match(await decisionAt(decider, context, { tokens: 64, confidence: 0.05 }), { decision: 'continue', threshold })
    t.match(await decisionAt(decider, context, { tokens: 64, confidence: threshold }), { decision: 'stop', threshold })
    const pinned = contextOf('pinned')
    await worker.put(`${pathOf(pinned)}/pin`, { threshold: 0.99, reason: 'test' })
    await until('the reply states the pin', async () => (await decisionAt(decider, pinned, { tokens: 64, confidence: 0.95 })).threshold === 0.99)
    t.match(await decisionAt(decider, pinned, { tokens: 64, confidence: 0.95 }), { decision: 'continue' })
    t.match(await decisionAt(decider, pinned, { tokens: 64, confidence: 1 }), { decision: 'stop' })
  })

  await t.test('Prometheus reads its metrics', async (t) => {
    const reply = await fetch(`${await decider.url()}/metrics`)
    t.match(reply.headers.get('content-type'), /^text\/plain; version=0\.0\.4/)
    const lines = (await reply.text()).trimEnd().split('\n')
    t.same(lines.filter((line) => line !== '' && !TEXT_FORMAT.test(line)), [], 'every line is in the text format')
    const samples = (name: string) => lines.filter((line) => line.startsWith(name))
    t.ok(samples('stopgate_decisions_total{').some((line) => line.includes('decision="stop"')))
    t.ok(samples('stopgate_context_threshold{').some((line) => line.includes(`"${keyOf(context)}"`)))
  })

  await t.test('Swagger UI shows its API, whose document is valid', async (t) => {
    const base = await decider.url()
    const page = await fetch(`${base}/docs`)
    t.equal(page.status, 200)
    t.match(await page.text(), /swagger-ui/)
    const document = (await decider.get('/openapi.json')).body
    t.match(document, { openapi: /^3\.1/, info: { title: String, version: String } })
    t.ok(Object.keys(document.paths).includes('/v1/decisions'))
    schemasAreValid(t, document)
  })

  await t.test('it monitors EM and tokens of a training', async (t) => {
    await worker.post('/v1/training-runs/rl/checkpoints', {
      checkpoints: [{ step: 100, suite: 'gsm8k', em: 0.6, n: 1000, tokens_mean: 900 }, { step: 200, suite: 'gsm8k', em: 0.65, n: 1000, tokens_mean: 850 }],
    })
    const { body } = await decider.get('/v1/training-runs/rl')
    t.match(body.suites, [{ suite: 'gsm8k', points: [{ step: 100, em: 0.6, tokens_mean: 900 }, { step: 200, em: 0.65, tokens_mean: 850 }] }])
    t.ok(body.suites[0].trend.em.slope > 0 && body.suites[0].trend.tokens.slope < 0)
    const metrics = await (await fetch(`${await worker.url()}/metrics`)).text()
    t.match(metrics, 'stopgate_training_em{run="rl",suite="gsm8k"} 0.65')
    t.match(metrics, 'stopgate_training_tokens_mean{run="rl",suite="gsm8k"} 850')
  })

  await t.test('it predicts the threshold from which the trade-off between EM and tokens turns unfavourable', async (t) => {
    const turning = contextOf('turning')
    await worker.put(`${pathOf(turning)}/policy`, { control_rate: 1 })
    await work(worker, turning, { loses: true })
    const { points, unfavourable_from: turn } = await until('losses are evidence', async () => {
      const { status, body } = await decider.get(`${pathOf(turning)}/tradeoff`)
      return status === 200 && body.generations > 0 && body
    })
    t.equal(turn.threshold, GRID.find((threshold) => threshold <= 0.9), 'stopping at a confidence of 0.9 loses the answer')
    t.ok(turn.em_drop_predicted > 0.1, `EM falls by ${turn.em_drop_predicted} there, and 0.1 is allowed`)
    const isSafer = ({ threshold }: { threshold: number | null }) => threshold === null || threshold > turn.threshold
    t.same(points.filter(isSafer).filter((point: any) => point.em_drop_predicted > 0.1), [], 'safer thresholds stay within the bound')
  })

  await t.test('it predicts the step of a training from which the trade-off turns unfavourable', async (t) => {
    const checkpoints = Array.from({ length: 12 }, (_, i) => ({
      step: 100 * i, suite: 'gsm8k', em: 0.8 - 0.012 * i, n: 5000, tokens_mean: Math.round(1000 * 0.94 ** i),
    }))
    await worker.post('/v1/training-runs/shorter/checkpoints', { checkpoints })
    const { suites: [suite] } = (await decider.get('/v1/training-runs/shorter')).body
    t.match(suite.forecast.map(({ step }: { step: number }) => step), [1200, 1300, 1400])
    t.ok(suite.forecast[0].em < 0.68 && suite.forecast[0].tokens_mean < 510)
    const { figures } = suite.verdicts.find(({ verdict }: { verdict: string }) => verdict === 'costly_shortening')
    t.ok(figures.em_loss_predicted > figures.max_em_drop, 'by step 1200, the next cut in tokens costs more EM than is allowed')
    t.ok(figures.next_cut_ratio > 0.05 && figures.next_cut_ratio < 0.07, 'which is as large as those before')
  })

  await t.test('thresholds differ by task and by state of the training', async (t) => {
    const strict = await certify(worker, decider, contextOf('gsm8k', 'step-100'))
    t.type(strict, 'number')
    for (const other of [contextOf('aime', 'step-100'), contextOf('gsm8k', 'step-200')]) {
      t.match(await decisionAt(decider, other, { tokens: 64, confidence: 1 }), { decision: 'continue', threshold: null }, keyOf(other))
    }
    const checkpoint = { step: 200, suite: 'gsm8k', em: 0.7, n: 1000, tokens_mean: 800, context: { model: 'q', training_state: 'step-100' } }
    await worker.post('/v1/training-runs/states/checkpoints', checkpoint)
    const withdrawn = async () => (await decisionAt(decider, contextOf('gsm8k', 'step-100'), { tokens: 64, confidence: 1 })).threshold === null
    await until('a new checkpoint withdraws the threshold of the one before', withdrawn)
    t.type((await decisionAt(decider, context, { tokens: 64, confidence: 1 })).threshold, 'number', 'other states keep theirs')
  })

  await t.test('outcomes of finished generations move the thresholds', async (t) => {
    const moving = contextOf('moving')
    await worker.put(`${pathOf(moving)}/policy`, { control_rate: 1 })
    const before = await certify(worker, decider, moving)
    const thresholdNow = async () => (await decisionAt(decider, moving, { tokens: 64, confidence: 1 })).threshold
    for (let attempt = 0; attempt < 20 && await thresholdNow() === before; attempt++) await work(worker, moving, { loses: true })
    await until('a loss withdraws the threshold', async () => await thresholdNow() === null)
    const { body } = await decider.get(`${pathOf(moving)}/history`)
    t.match(body.changes.map(({ cause }: { cause: string }) => cause).sort().slice(0, 2), ['drift', 'evidence'])
  })
})

/** Every schema of the document compiles as JSON Schema, and every reference leads to a component. */
function schemasAreValid (t: Test, document: { components: { schemas: Record<string, object> } }): void {
  const ajv = new Ajv({ strict: false, validateFormats: false })
  ajv.addSchema(document, 'openapi')
  for (const name of Object.keys(document.components.schemas)) {
    t.doesNotThrow(() => ajv.compile({ $ref: `openapi#/components/schemas/${name}` }), name)
  }
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)]
  const components = document.components as unknown as Record<string, Record<string, object>>
  t.same(references.filter(([, kind, name]) => components[kind!]?.[name!] === undefined), [])
}
