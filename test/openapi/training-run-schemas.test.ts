import t from 'tap'
import { RunListSchema, RunSchema } from '../../openapi/training-run-schemas.js'
import { itemValidator } from '../../openapi/validation.js'
import { runToWire, summaryToWire } from '../../src/training/run-to-wire.js'
import { losslessOutcome } from '../certify.js'
import { build, until } from '../helper.js'

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
