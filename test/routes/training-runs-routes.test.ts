import t from 'tap'
import { build } from '../helper.js'
import { bearer, tokenList } from '../token-fixtures.js'
import { StoreUnavailableError } from '../../src/store/store-errors.js'

const url = '/v1/training-runs/q-rl-7/checkpoints'
const one = { step: 100, suite: 'gsm8k', em: 0.7, n: 1000, tokens_mean: 800 }

t.test('checkpoints sent again are stored once', async (t) => {
  const { send } = await build(t)
  t.match(await send('POST', url, one), { status: 202, body: { accepted: 1, attempts: 0, duplicates: 0, rejected: [], epochs: [] } })
  t.match((await send('POST', url, one)).body, { accepted: 0, duplicates: 1 })
  t.match((await send('POST', url, { checkpoints: [one, { ...one, step: 200 }, { ...one, em: 0.71 }] })).body, { accepted: 2, attempts: 1, duplicates: 1 })
  const { body } = await send('GET', '/v1/training-runs/q-rl-7')
  t.match(body.suites, [{ suite: 'gsm8k', steps: 2, replayed: 1, points: [{ step: 100, em: 0.71, is_replay: true, earlier_attempts: [{ em: 0.7 }] }, { step: 200, is_replay: false, predates_replay: false }] }])
  t.match((await send('GET', '/v1/training-runs')).body, { runs: [{ run: 'q-rl-7', suites: [{ suite: 'gsm8k', step: 200, replayed: 1 }], contexts: [] }] })
  t.match((await send('GET', '/v1/training-runs/q-rl-7?last=1')).body.suites[0].points, { length: 1 })
  t.match((await send('GET', '/metrics')).body, 'stopgate_training_step{run="q-rl-7",suite="gsm8k"} 200\n')
})

t.test('an invalid checkpoint is refused with its path, and does not affect others of a batch', async (t) => {
  const { send } = await build(t)
  const bad: [object, string, RegExp][] = [
    [{ ...one, em: 71 }, '/em', /must be <= 1; Exact Match \(fraction/],
    [{ ...one, n: 0 }, '/n', /must be >= 1/],
    [{ ...one, step: 1.5 }, '/step', /must be integer/],
    [{ ...one, tokens_mean: undefined }, '/tokens_mean', /required/],
    [{ ...one, emm: 1 }, '/emm', /not a known field/],
    [{ ...one, context: { colour: 'red' } }, '/context/colour', /levels .*model, task/],
    [{ ...one, tokens_p50: 2, tokens_p95: 1 }, '/tokens_p50', /above/],
  ]
  for (const [body, path, message] of bad) t.match(await send('POST', url, body), { status: 400, body: { code: 'INVALID_INPUT', details: [{ path, message }] } }, path)
  for (const body of [[], [one]]) t.match(await send('POST', url, body), { status: 400, body: { message: 'body must be object: wrap what you send as {"checkpoints": [...]}' } })
  t.match(await send('POST', url, { checkpoints: 1 }), { status: 400, body: { details: [{ path: '/checkpoints' }] } })
  t.match(await send('POST', url, { checkpoints: Array(4097).fill(one) }), { status: 400, body: { message: /4096/ } })
  t.same((await send('GET', '/v1/training-runs')).body, { runs: [] }, 'nothing was kept')
  t.match((await send('POST', url, { checkpoints: [bad[0]![0], one, null] })).body, { accepted: 1, rejected: [{ index: 0, path: '/em' }, { index: 2, path: '', message: /must be object/ }] })
  t.match(await send('GET', '/v1/training-runs/none'), { status: 404, body: { code: 'RUN_NOT_FOUND' } })
  t.match(await send('GET', '/v1/training-runs/q-rl-7?suite=none'), { status: 404, body: { code: 'RUN_NOT_FOUND', message: /"q-rl-7" on suite "none"/ } })
  t.equal((await send('GET', '/v1/training-runs/q-rl-7?last=0')).status, 400)
})

t.test('a bound token reports only on contexts within its prefix', async (t) => {
  const ACCESS_TOKENS = tokenList({ o: 'operator', b: 'trainer model=q', w: 'worker model=q' })
  const { send } = await build(t, { ACCESS_TOKENS })
  const mine = { ...one, context: { model: 'q' } }
  t.match(await send('POST', url, mine, bearer('b')), { status: 202, body: { epochs: [{ context: 'model=q', step: 100 }] } })
  t.equal((await send('POST', url, one, bearer('b'))).status, 403)
  t.match(await send('POST', url, mine, bearer('w')), { status: 403, body: { message: /requires the role trainer/ } }, 'it would begin an epoch')
  t.match((await send('POST', url, { checkpoints: [{ ...one, context: { model: 'p' } }, { ...mine, step: 101 }] }, bearer('b'))).body, { accepted: 1, rejected: [{ index: 0, path: '/context' }] })
  const others = '/v1/training-runs/others/checkpoints'
  t.equal((await send('POST', others, one, bearer('o'))).status, 202)
  t.match(await send('POST', others, mine, bearer('b')), { status: 403, body: { details: [{ path: '/run' }] } })
})

t.test('nothing is acknowledged while the store cannot be reached', async (t) => {
  const { send, store } = await build(t)
  Object.assign(store.trainingRuns, { read: async () => { throw new StoreUnavailableError('away') } })
  t.match(await send('POST', url, one), { status: 503, headers: { 'retry-after': '1' } })
})
