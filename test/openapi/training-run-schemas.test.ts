import t from 'tap'
import { CheckpointSchema, RunListSchema, RunParamsSchema, RunSchema } from '../../openapi/training-run-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { runToWire, summaryToWire } from '../../src/service/training-runs/training-runs.js'
import { losslessOutcome } from '../certify.js'
import { build, until } from '../helper.js'

t.test('a run may have any name except . and ..', async (t) => {
  const problem = itemValidator(RunParamsSchema)
  for (const run of ['q-rl-7', '...', 'a/b', '../x', '__proto__', 'ü🙂', '\0', '%']) t.equal(problem({ run }), null, run)
  for (const run of ['.', '..']) t.match(problem({ run }), { path: '/run', message: /not allowed; Name of the run, not \. or \.\./ })
  for (const run of ['', 'x'.repeat(129), '\ud800']) t.match(problem({ run }), { path: '/run' })
})

t.test('a checkpoint needs its figures, as fractions and whole numbers', async (t) => {
  const problem = itemValidator(CheckpointSchema)
  const one = { step: 0, suite: 's', em: 1, n: 1, tokens_mean: 0 }
  t.equal(problem(one), null)
  for (const [field, value] of [['em', 1.01], ['em', NaN], ['n', 0], ['step', -1], ['tokens_mean', null], ['truncated_rate', 2], ['threshold', '0.5']] as const) {
    t.match(problem({ ...one, [field]: value }), { path: `/${field}` }, `${field} ${value}`)
  }
})

t.test('replies match their schemas without losing a field', async (t) => {
  const { send, training } = await build(t)
  await send('POST', '/v1/outcomes', losslessOutcome('a'))
  const checkpoints = Array.from({ length: 15 }, (_, i) => ({
    step: i, suite: 's', em: 0.7 - i / 100, em_stderr: 0.01, n: 100, tokens_mean: 100 + i, tokens_p50: 90, tokens_p95: 200, stop_rate: 0, truncated_rate: 0.01, threshold: null, at: '2026-01-31T12:00:00Z', context: { model: 'q' },
  }))
  await send('POST', '/v1/training-runs/r/checkpoints', { checkpoints: [...checkpoints, { ...checkpoints[3], em: 0.9 }] })
  await until('the epoch is open', async () => (await training.get('r', 1)).contexts[0]!.advice[0]!.epoch === 2)
  const { body } = await send('GET', '/v1/training-runs/r')
  t.equal(itemValidator(RunSchema)(body), null)
  t.strictSame(body, JSON.parse(JSON.stringify(runToWire(await training.get('r', 200)))))
  t.match(body.suites[0], { points: { length: 15 }, verdicts: [{ verdict: 'overthinking', figures: { em_slope: Number } }] })
  const list = (await send('GET', '/v1/training-runs')).body
  t.equal(itemValidator(RunListSchema)(list), null)
  t.strictSame(list, JSON.parse(JSON.stringify({ runs: (await training.list()).map(summaryToWire) })))
})
