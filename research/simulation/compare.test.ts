import t from 'tap'
import { DEFAULT_POLICY } from '../../src/core/policy/policy.js'
import { numRuns } from '../../test/property.js'
import { LENGTH, METHODS, play, STREAMS } from './compare.js'
import { mean } from './summary.js'

// A small run of what `npm run simulations compare` prints.

const SEEDS = [1, 2]
const figures = (method: string, stream: string, length = LENGTH, seeds = SEEDS) =>
  seeds.map((seed) => play(STREAMS[stream]!, METHODS[method]!(seed), seed, length))

t.test('without a shift only the service stays inside the bound all the time', async (t) => {
  const runs = figures('stopgate', 'no shift', 12_000)
  for (const { overBound } of runs) t.equal(overBound, 0)
  t.ok(mean(runs.map(({ saved }) => saved)) > 0.24)
  for (const method of ['fixed, calibrated once', 'adaptive conformal alone']) {
    t.ok(mean(figures(method, 'no shift', 12_000).map(({ overBound }) => overBound)) > 0.1, method)
  }
})

t.test('after a shift from 0 to 6 % the service loses least, and the fixed threshold keeps losing', async (t) => {
  const lost = Object.fromEntries(Object.keys(METHODS).map((method) =>
    [method, mean(figures(method, 'risk 0 -> 6 %', LENGTH, SEEDS.slice(0, numRuns(1, 2))).map(({ lostAfterShift }) => lostAfterShift))]))
  t.ok(Math.abs(lost['fixed, calibrated once']! - 0.06 * LENGTH / 2) < 1e-6, 'the fixed threshold loses six points to the end')
  t.ok(lost.stopgate! < lost['adaptive conformal alone']!, JSON.stringify(lost))
  t.ok(lost.stopgate! < DEFAULT_POLICY.max_em_drop * LENGTH / 2, 'less than the bound allows over the whole second half')
})
