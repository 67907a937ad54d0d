import t from 'tap'
import { timedFit } from '../../src/learning/timed-fit.js'
import type { Fit } from '../../src/learning/predictor-trainer.js'
import { PREDICTOR } from '../core/decide/snapshot-of.js'
import type { FitResult } from '../../src/core/predictor/fit-result.js'

const WHAT: Fit = { samples: [], name: 'p', label: 'exact_match', levels: 'model,task' }

t.test('the result of a fit is passed on, and its end is reported', async (t) => {
  const ends: FitResult[] = []
  const { signal } = new AbortController()
  const watched = (fit: () => Promise<typeof PREDICTOR | null>) => timedFit(fit, (end) => { ends.push(end) })(WHAT, signal)
  t.equal(await watched(async () => PREDICTOR), PREDICTOR)
  t.equal(await watched(async () => null), null)
  await t.rejects(watched(async () => { throw new Error('out of memory') }), { message: 'out of memory' })
  t.strictSame(ends.map(({ result }) => result), ['trained', 'none', 'failed'])
  t.ok(ends.every(({ seconds }) => seconds >= 0 && seconds < 60))
})

t.test('a fit aborted on closing does not count as failed', async (t) => {
  const closing = new AbortController()
  const dropped = timedFit(async () => { closing.abort(); throw new Error('ended') }, () => { t.fail('told') })
  await t.rejects(dropped(WHAT, closing.signal))
})
