import t from 'tap'
import { CONTEXT, KEY, losslessOutcome, reportSpread, reportTo } from '../certify.js'
import { moveWhileWaiting } from '../clock.js'
import { build, until } from '../helper.js'
import { ALL_CONTROL } from '../quick-policy.js'

/** Good generations that are reported in a row, over more than a span; and after how many healing is given up. */
const [ROUND, MOST] = [300, 1800]

t.test('E9: a context whose worker was repaired is certified again', async (t) => {
  moveWhileWaiting(t)
  const built = await build(t, ALL_CONTROL)
  const context = async () => (await built.send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`)).body
  const broken = (i: number) => {
    const { steps: [first, ...rest], ...outcome } = losslessOutcome(`broken-${i}`)
    return { ...outcome, steps: [i % 10 < 3 ? { ...first!, em: 0, answer: 'another' } : first!, ...rest] }
  }
  let last = ''
  const learn = async (reporting: Promise<void>) => {
    await reporting
    await until('all of them are evidence, perhaps of an epoch that has ended', async () => {
      const { epoch, generations, follow_up: counts } = await context()
      const evidence = generations?.control
      const now = `${evidence} of epoch ${epoch}`
      const isLearned = counts !== undefined && evidence === counts.enrolled && built.snapshotHolder.lag() === 0 && now !== last
      if (isLearned) last = now
      return isLearned
    })
  }
  await learn(reportTo(built, Array.from({ length: 160 }, (_, i) => broken(i))))
  const isStopped = async () => {
    const { body } = await built.send('POST', '/v1/decisions', { arm: 'treated', tokens: 32, confidence: 0.95, context: CONTEXT })
    return body.decision === 'stop'
  }
  let good = 0
  for (; !await isStopped() && good < MOST; good += ROUND) {
    const from = good
    await learn(reportSpread(built, Array.from({ length: ROUND }, (_, i) => losslessOutcome(`good-${from + i}`))))
  }
  t.ok(good > ROUND && good < MOST, `certified after ${good} good generations, so not by those that showed the repair`)
  t.match(await context(), { epoch: 2, guarantee: { total_error_level: 1.5 * 0.05 } }, 'in an epoch that began by itself')
})
