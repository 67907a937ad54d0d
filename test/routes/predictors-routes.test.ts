import t from 'tap'
import { uniform } from '../../src/core/decide/arm.js'
import { PREDICTOR } from '../core/decide/snapshot-of.js'
import { scorerFor } from '../../src/core/scores/predictor.js'
import { scoreStep } from '../../src/core/decide/scorer.js'
import { reportTo } from '../certify.js'
import { build, until } from '../helper.js'
import { ALL_SHUFFLED, ALL_CONTROL } from '../quick-policy.js'

const CONTEXT = { model: 'q', task: 'gsm8k' }
const KEY = '/v1/contexts/model=q,task=gsm8k'
const POLICY = `${KEY}/policy`

/** Trusts the signal, not the confidence. */
const BY_SIGNAL = {
  ...PREDICTOR,
  signals: [{ name: 'sure', mean: 0, scale: 1 }],
  contexts: { '*': { log_median: Math.log(100), length_power: 0.5, weights: [0, 0, 0, 0, 1] } },
}

/** The signal is sure at 32 of 128 tokens, the confidence at 96. */
const outcome = (i: number, rest = {}) => ({
  generation_id: `g${i}`,
  samples: 1,
  arm: 'control',
  context: CONTEXT,
  tokens: 128,
  em: 1,
  steps: [{ tokens: 32, confidence: 0.01, signals: { sure: 8 }, em: 1 }, { tokens: 96, confidence: 1, signals: { sure: 0 }, em: 1 }],
  ...rest,
})

t.test('an imported predictor scores where a policy names it, is certified, is in the bundle and is retired', async (t) => {
  const built = await build(t, ALL_SHUFFLED)
  const { send, snapshotHolder } = built
  await send('POST', '/v1/outcomes', outcome(0))
  t.match(await send('PUT', '/v1/predictors/mine?reason=better', BY_SIGNAL), { status: 200, body: { name: 'mine', status: 'live', by: 'anonymous', signals: ['sure'] } })
  t.match(await send('PATCH', POLICY, { score: 'mine' }), { status: 200, body: { effective: { score: 'mine' } } })
  const unsure = { generation_id: 'x', arm: 'control', tokens: 32, confidence: 0.01, probed_score: 1, context: CONTEXT, signals: { sure: 8 } }
  t.match((await send('POST', '/v1/decisions', unsure)).body, { probe: true, scorer: 'mine' }, 'where the confidence needs no probe')
  await until('its epoch has begun', async () => (await send('GET', KEY)).body.epoch === 2 && snapshotHolder.lag() === 0)

  await reportTo(built, Array.from({ length: 400 }, (_, i) => outcome(i + 1)))
  await until('it serves', async () => (await send('GET', KEY)).body.status === 'certified')
  t.match((await send('GET', KEY)).body, { score: 'mine', threshold: BY_SIGNAL.grid[29], tokens: { saved_ratio: 0.75 } })
  const [its] = await until('its replica decides by it', async () => {
    const { predictors } = (await send('GET', '/v1/predictors')).body
    return predictors[0].serving_in === 1 && predictors
  })
  t.match(its, { name: 'mine', scores_in: 1, calibration: null })
  t.strictSame(its.held_out_savings, {}, 'it was imported without an estimate')
  t.match((await send('GET', '/v1/history')).body.changes.find(({ after_scorer: scorer }: any) => scorer === 'mine'), { key: 'model=q,task=gsm8k' })

  const serving = ['stopgate_context_scorer{context="model=q,task=gsm8k",scorer="mine"} 1\n', 'stopgate_scorer_serving_contexts{scorer="mine"} 1\n']
  await until('metrics say so', async () => {
    const { body } = await send('GET', '/metrics')
    return serving.every((line) => body.includes(line))
  })

  const step = { arm: 'treated', tokens: 32, confidence: 0.01, context: CONTEXT, signals: { sure: 8 } }
  t.match((await send('POST', '/v1/decisions', step)).body, { decision: 'stop', scorer: 'mine' })
  t.match((await send('POST', '/v1/decisions', { ...step, confidence: 1, signals: { sure: -8 } })).body, { decision: 'continue', reason: 'below_threshold' })
  t.match((await send('GET', '/v1/bundle')).body, { predictors: { mine: { signals: [{ name: 'sure' }] } }, weights: [{ weights: [0, 0, 0, 0, 1] }] })

  t.match((await send('DELETE', '/v1/predictors/mine?reason=enough')).status, 204)
  t.match((await send('POST', '/v1/decisions', step)).body, { decision: 'continue', scorer: 'confidence' }, 'at once')
  await until('the context says why', async () => (await send('GET', KEY)).body.warnings.includes('score_unavailable'))
  t.match(await send('PATCH', POLICY, { mode: 'off' }), { status: 200 }, 'other fields can still be changed')
  t.match(await send('PATCH', POLICY, { score: 'confidence' }), { status: 200, body: { effective: { score: 'confidence' } } })
  t.match((await send('GET', '/v1/audit')).body.commands.filter(({ type }: any) => type === 'predictor'), [
    { type: 'predictor', predictor: { name: 'mine', action: 'retired' }, reason: 'enough' }, { type: 'predictor', predictor: { name: 'mine', action: 'added' }, reason: 'better' },
  ])
})

t.test('PUT accepts the definition that GET shows, but another service requires the training groups by id', async (t) => {
  const [one, other] = [await build(t), await build(t)]
  await one.send('PUT', '/v1/predictors/a?reason=r', { ...BY_SIGNAL, trained_group_ids: ['prompt-1'] })
  const { definition } = (await one.send('GET', '/v1/predictors/a')).body
  const drawnBy = ({ snapshotHolder }: typeof one) => [uniform(snapshotHolder.snapshot().salt!, 'prompt-1')]
  const { salt_digest, ...trained } = definition.trained
  t.strictSame({ ...definition, trained }, { ...BY_SIGNAL, name: 'a', trained: { ...BY_SIGNAL.trained, groups: drawnBy(one) } })
  t.equal((await one.send('PUT', '/v1/predictors/b?reason=r', definition)).status, 200)
  t.match((await one.send('GET', '/v1/predictors/b')).body.definition, { ...definition, name: 'b' })

  for (const body of [definition, { ...definition, trained }]) {
    const refused = await other.send('PUT', '/v1/predictors/b?reason=r', body)
    t.match(refused, { status: 400, body: { code: 'INVALID_INPUT', message: /trained_group_ids/, details: [{ path: '/trained/groups' }] } })
  }
  t.match((await other.send('GET', '/v1/predictors')).body, { predictors: [] })
  const named = { ...definition, trained: { ...definition.trained, groups: [] }, trained_group_ids: ['prompt-1'] }
  t.equal((await other.send('PUT', '/v1/predictors/b?reason=r', named)).status, 200)
  t.strictSame((await other.send('GET', '/v1/predictors/b')).body.definition.trained.groups, drawnBy(other))
})

t.test('a predictor is trained on outcomes, and changes no score by itself', async (t) => {
  const built = await build(t, ALL_CONTROL, undefined, { hasLearnerThread: true })
  const { send } = built
  const late = { tokens: 96, confidence: 0.9, signals: { sure: 1 }, em: 1 }
  const steps = [{ tokens: 32, confidence: 0.4, signals: { sure: -1 }, em: 0 }, late]
  const outcomes = Array.from({ length: 320 }, (_, i) => outcome(i, i % 5 === 0 ? { steps } : {}))
  await reportTo(built, outcomes)
  const [auto] = await until('it is trained', async () => {
    const { predictors } = (await send('GET', '/v1/predictors')).body
    return predictors.length > 0 && predictors
  })
  t.match(auto, { name: /^auto-3\d\d$/, by: 'trainer', status: 'live', trained_generations: Number, signals: ['sure'], calibration: { generations: Number, ece: Number, brier: Number } })
  t.strictSame(Object.keys(auto.held_out_savings), ['model=q,task=gsm8k'])
  const savings = auto.held_out_savings['model=q,task=gsm8k']
  t.strictSame(Object.keys(savings), ['generations', 'max_em_drop', 'tokens_saved_gross_ratio', 'tokens_saved_gross_ratio_confidence'])
  t.equal(savings.generations, auto.trained_generations)
  t.ok(savings.tokens_saved_gross_ratio > savings.tokens_saved_gross_ratio_confidence, 'the signal knows when the early answer is right')
  t.strictSame((await send('GET', `/v1/predictors/${auto.name}`)).body.definition.held_out_savings, auto.held_out_savings, 'it is stored')
  const fits = 'stopgate_predictor_fits_total{result="trained"} 1\n'
  await until('the learner\'s thread has told of it', async () => (await send('GET', '/metrics')).body.includes(fits))
  t.match((await send('GET', KEY)).body, { score: 'confidence', epoch: 1 })
})

t.test('numbers that could overflow a score are refused', async (t) => {
  const { app, send } = await build(t)
  const root = BY_SIGNAL.contexts['*']
  const bad = [
    ['/contexts/*/weights/1', { contexts: { '*': { ...root, weights: [0, '#', 0, 0, 1] } } }],
    ['/contexts/*/log_median', { contexts: { '*': { ...root, log_median: '#' } } }],
    ['/contexts/*/length_power', { contexts: { '*': { ...root, length_power: '#' } } }],
    ['/signals/0/mean', { signals: [{ name: 'sure', mean: '#', scale: 1 }] }],
    ['/signals/0/scale', { signals: [{ name: 'sure', mean: 0, scale: '#' }] }],
    ['/grid/0', { grid: ['#', ...BY_SIGNAL.grid.slice(1)] }],
  ] as const
  for (const [path, change] of bad) {
    for (const number of ['1e999', '-1e999', '1e300', '-1e16', 'null', '"1"']) { // JSON.parse makes Infinity of the first
      const payload = JSON.stringify({ ...BY_SIGNAL, ...change }).replace('"#"', number)
      const reply = await app.inject({ method: 'PUT', url: '/v1/predictors/p?reason=r', headers: { 'content-type': 'application/json' }, payload })
      t.match([reply.statusCode, reply.json().details?.[0].path], [400, path], `${path} ${number}`)
    }
  }
  const wildest = {
    ...BY_SIGNAL, signals: [{ name: 'sure', mean: -1e15, scale: 1e-9 }], contexts: { '*': { log_median: -100, weights: [-1e6, 1e6, 1e6, -1e6, 1e6] } },
  }
  t.equal((await send('PUT', '/v1/predictors/p?reason=r', wildest)).status, 200)
  const scorer = scorerFor((await send('GET', '/v1/predictors/p')).body.definition, '*')
  for (const confidence of [0, 0.5, 1]) {
    for (const tokens of [0, 1e15]) {
      for (const sure of [-1.7e308, 0, 1.7e308]) {
        const score = scoreStep(scorer, tokens, confidence, { sure })
        t.ok(score !== null && score >= 0 && score <= 1, `${score}`)
      }
    }
  }
})

t.test('a grid has 2 to 30 thresholds', async (t) => {
  const built = await build(t, ALL_SHUFFLED)
  const { send } = built
  const put = (name: string, length: number) => {
    const grid = Array.from({ length }, (_, k) => 0.99 - k / 200)
    return send('PUT', `/v1/predictors/${name}?reason=r`, { ...BY_SIGNAL, grid })
  }
  t.match(await put('p1', 1), { status: 400, body: { details: [{ path: '/grid', message: 'must NOT have fewer than 2 items' }] } })
  t.match(await put('p31', 31), { status: 400, body: { details: [{ path: '/grid', message: 'must NOT have more than 30 items' }] } })
  for (const length of [2, 20, 30]) t.match(await put(`p${length}`, length), { status: 200 }, `${length} thresholds`)
  await send('PATCH', POLICY, { score: 'p20' })
  await reportTo(built, Array.from({ length: 500 }, (_, i) => outcome(i + 1)))
  await until('it serves', async () => (await send('GET', KEY)).body.status === 'certified')
  t.match((await send('GET', KEY)).body, { score: 'p20', threshold: 0.99 - 19 / 200, thresholds: { length: 20 } })
  t.match((await send('GET', `${KEY}/tradeoff`)).body, { score: 'p20' })
  t.match((await send('GET', `${KEY}/what-if?max_em_drop=0.05`)).body, { score: 'p20', thresholds: { length: 20 } })
  t.match((await send('GET', '/v1/bundle')).body.predictors.p20.grid, { length: 20 })
})

t.test('a policy must name a live predictor for its label', async (t) => {
  const { send } = await build(t)
  const refused = (message: RegExp) => ({ status: 400, body: { code: 'INVALID_POLICY', message, details: [{ path: '/score' }] } })
  t.match(await send('PATCH', POLICY, { score: 'nobody' }), refused(/score names no predictor that is live and for label "exact_match"/))
  t.match(await send('PATCH', POLICY, { score: 'tokens' }), { status: 200 }, 'a score that needs none')
  await send('PUT', '/v1/predictors/mine?reason=r', BY_SIGNAL)
  t.match(await send('PATCH', POLICY, { score: 'mine', label: 'agreement' }), refused(/label "agreement"/))
  t.match(await send('PATCH', POLICY, { score: 'mine' }), { status: 200 })
  await send('DELETE', '/v1/predictors/mine?reason=r')
  t.match(await send('PUT', POLICY, { score: 'mine' }), refused(/score names no predictor/))
})

t.test('a pin is for the score of its context', async (t) => {
  const { send } = await build(t)
  await send('PUT', '/v1/predictors/mine?reason=r', BY_SIGNAL)
  await send('POST', '/v1/outcomes', outcome(0))
  await send('PATCH', POLICY, { score: 'mine' })
  await send('PUT', `${KEY}/pin`, { threshold: 0.9, reason: 'r' })
  const step = { arm: 'treated', tokens: 32, confidence: 0.01, context: CONTEXT, signals: { sure: 8 } }
  t.match((await send('POST', '/v1/decisions', step)).body, { decision: 'stop', scorer: 'mine', threshold: 0.9 })
  await send('PATCH', POLICY, { score: 'confidence' })
  t.match((await send('POST', '/v1/decisions', { ...step, confidence: 1 })).body, { decision: 'continue', scorer: 'confidence', threshold: null })
})

t.test('an invalid predictor is refused with a remedy', async (t) => {
  const { send } = await build(t)
  t.match(await send('PUT', '/v1/predictors/p?reason=r', { ...BY_SIGNAL, levels: 'task' }), { status: 400, body: { details: [{ path: '/levels' }], message: /must be "model,task"/ } })
  t.match(await send('PUT', '/v1/predictors/P%20?reason=r', BY_SIGNAL), { status: 400 })
  t.match(await send('PUT', '/v1/predictors/auto-7?reason=r', BY_SIGNAL), { status: 400, body: { message: /^\/name must not be "auto-7"/, details: [{ path: '/name', message: /^must not be/ }] } })
  t.match(await send('PUT', '/v1/predictors/confidence?reason=r', BY_SIGNAL), { status: 400 })
  t.match(await send('PUT', '/v1/predictors/p', BY_SIGNAL), { status: 400, body: { message: /reason/ } })
  t.match(await send('DELETE', '/v1/predictors/p?reason=r'), { status: 404, body: { code: 'PREDICTOR_NOT_FOUND' } })
  t.match((await send('GET', '/v1/predictors')).body, { predictors: [] })
})
