import t from 'tap'
import { TRAINING_LIMITS } from '../../../src/core/training/add-reports.js'
import { runToWire, summaryToWire } from '../../../src/service/training-runs/training-runs.js'
import { ConflictError } from '../../../src/store/store-errors.js'
import type { TrainingWrite } from '../../../src/store/training-run-store.js'
import { losslessOutcome, reportTo } from '../../certify.js'
import { build, until } from '../../helper.js'
import { trainingWriteOf } from '../../store/fixtures.js'
import { ALL_CONTROL, quickPolicy, SHUFFLED } from '../../quick-policy.js'

t.test('times are ISO 8601, and context keys are named context', async (t) => {
  const { run } = trainingWriteOf('r', null)
  t.match(summaryToWire(run), { run: 'r', created_at: '1970-01-01T00:00:00.001Z', suites: [{ suite: 's', step: 5 }], contexts: ['*'] })
  t.match(runToWire({ run, suites: [], contexts: [{ ...run.contexts[0]!, advice: [] }] }), { run: 'r', contexts: [{ context: '*', step: 5, since: '1970-01-01T00:00:00.001Z' }] })
})

const one = (step: number, em = 0.5) => ({ step, suite: 's', em, n: 100, tokens_mean: 10, context: { model: 'q' } })

t.test('a checkpoint opens one epoch of its context, and only its own evidence certifies it', async (t) => {
  const built = await build(t, { DEFAULT_POLICY: quickPolicy({ ...SHUFFLED, max_em_drop: 0.05, control_rate: 1 }) })
  const { send, training, snapshotHolder } = built
  const url = '/v1/contexts/model%3Dq%2Ctask%3Dgsm8k'
  const outcomes = (name: string, count: number) => reportTo(built, Array.from({ length: count }, (_, i) => losslessOutcome(`${name}-${i}`)))
  await outcomes('before', 100)
  await until('it is certified', async () => (await send('GET', url)).body.status === 'certified')
  t.match(await training.report('r', [one(1)], 'trainer'), { reported: ['accepted'], served: [{ key: 'model=q', step: 1 }] })
  await until('the epoch is open', async () => (await send('GET', url)).body.epoch === 2 && snapshotHolder.lag() === 0)
  t.match((await training.get('r', 10)).contexts, [{ key: 'model=q', step: 1, advice: [{ context: 'model=q' }, { context: 'model=q,task=gsm8k', advice: 'run_in_full', reason: 'little_evidence', generations: 0, expected: { tokens_saved_ratio: Number } }] }])
  for (let i = 0; i < 3; i++) t.same(await training.report('r', [one(1)], 'trainer'), { reported: ['duplicate'], served: [] })
  await outcomes('after', 100)
  await until('it is certified again', async () => (await training.get('r', 10)).contexts[0]!.advice[1]!.advice === 'stop_early')
  t.match((await send('GET', url)).body, { epoch: 2, generations: { control: 100 } })
  t.match((await send('GET', '/v1/history')).body.changes.find(({ cause }: { cause: string }) => cause === 'checkpoint'), { by: 'trainer', reason: 'step 1 of run r' })
})

t.test('a reset of a context beyond the limit on advice still affects the advice on contexts above it', async (t) => {
  const { send, store, training } = await build(t, ALL_CONTROL)
  const outcomes = Array.from({ length: 60 }, (_, i) => losslessOutcome(`g${i}`, { model: 'q', task: `t${i + 10}` }))
  await send('POST', '/v1/outcomes/batch', { outcomes })
  await training.report('r', [one(1)], 'w')
  const learned = () => until('all is learned', async () => (await store.revision()).lag === 0)
  const advice = async () => (await training.get('r', 1)).contexts[0]!.advice
  await learned()
  t.match((await advice())[0], { context: 'model=q', reason: 'little_evidence' })
  await send('POST', '/v1/contexts/model=q,task=t69/reset', { reason: 'older weights' })
  await learned()
  const [above, ...others] = await advice()
  t.match(above, { context: 'model=q', reason: 'reset' })
  t.same(others.map(({ reason }) => reason), Array(49).fill('little_evidence'))
})

t.test('concurrent reports on one run are serialised, and none is lost', async (t) => {
  const { training } = await build(t)
  await Promise.all(Array.from({ length: 30 }, (_, i) => training.report('r', [one(i)], 'w')))
  t.equal((await training.get('r', 100)).suites[0]!.points.length, 30)
})

t.test('a report survives concurrent writes by another replica, unless they never stop', async (t) => {
  const { training, store } = await build(t)
  const write = store.trainingRuns.write.bind(store.trainingRuns)
  let conflicts = 8
  Object.assign(store.trainingRuns, {
    write: async (report: TrainingWrite) => {
      if (conflicts-- > 0) throw new ConflictError('moved')
      await write(report)
    },
  })
  t.match(await training.report('r', [one(1)], 'w'), { reported: ['accepted'] })
  conflicts = Infinity
  await t.rejects(training.report('r', [one(2)], 'w'), { code: 'RUN_BUSY', statusCode: 503 })
})

t.test('beyond the limit the least recently updated run is dropped', async (t) => {
  const { training } = await build(t)
  for (let i = 0; i < TRAINING_LIMITS.runs; i++) await training.report(`run ${i}`, [one(1)], 'w')
  await training.report('run 0', [one(2)], 'w')
  await training.report('one more', [one(1)], 'w')
  const names = (await training.list()).map(({ name }) => name)
  t.equal(names.length, TRAINING_LIMITS.runs)
  t.ok(names.includes('run 0') && names.includes('one more') && !names.includes('run 1'))
  await t.rejects(training.get('run 1', 1), { code: 'RUN_NOT_FOUND' })
})

t.test('the policy of the context, otherwise of the root, states the EM that may be lost', async (t) => {
  const { training, send } = await build(t)
  await send('PUT', '/v1/contexts/model=q/policy', { max_em_drop: 0.1 })
  await training.report('r', [one(1), { step: 1, suite: 'no context', em: 0.5, n: 10, tokens_mean: 1 }], 'w')
  t.same((await training.get('r', 10)).suites.map(({ max_em_drop: drop }) => drop), [0.1, 0.02])
  t.same((await training.get('r', 10, 's')).suites.length, 1)
})

t.test('more than 200 points are shown only for a single suite', async (t) => {
  const { training, send } = await build(t)
  await training.report('r', Array.from({ length: 250 }, (_, i) => one(i)), 'w')
  t.match(await send('GET', '/v1/training-runs/r?last=201'), { status: 400, body: { details: [{ path: '/querystring/last', message: /<= 200, unless suite/ }] } })
  t.equal((await send('GET', '/v1/training-runs/r?last=1000&suite=s')).body.suites[0].points.length, 250)
  t.equal((await send('GET', '/v1/training-runs/r')).body.suites[0].points.length, 200)
})
