import t from 'tap'
import { CONTEXT, KEY, losslessOutcome, reportTo } from '../certify.js'
import { build, until } from '../helper.js'
import { ALL_CONTROL } from '../quick-policy.js'

/** Good generations after which healing is given up. docs/evidence/validity.md has how many it takes. */
const MOST = 1200

t.test('E9: a context whose worker was repaired is certified again', async (t) => {
  const built = await build(t, ALL_CONTROL)
  const context = async () => (await built.send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`)).body
  const broken = (i: number) => {
    const { steps: [first, ...rest], ...outcome } = losslessOutcome(`broken-${i}`)
    return { ...outcome, steps: [i % 10 < 3 ? { ...first!, em: 0, answer: 'another' } : first!, ...rest] }
  }
  let last = ''
  const learn = async (outcomes: Array<ReturnType<typeof losslessOutcome>>) => {
    await reportTo(built, outcomes)
    await until('all of them are evidence, perhaps of an epoch that has ended', async () => {
      const { epoch, generations, follow_up: counts } = await context()
      const evidence = generations?.control
      const now = `${evidence} of epoch ${epoch}`
      const isLearned = counts !== undefined && evidence === counts.enrolled && built.snapshotHolder.lag() === 0 && now !== last
      if (isLearned) last = now
      return isLearned
    })
  }
  await learn(Array.from({ length: 160 }, (_, i) => broken(i)))
  const isStopped = async () => {
    const { body } = await built.send('POST', '/v1/decisions', { arm: 'treated', tokens: 32, confidence: 0.95, context: CONTEXT })
    return body.decision === 'stop'
  }
  let good = 0
  for (; !await isStopped() && good < MOST; good += 100) {
    const from = good
    await learn(Array.from({ length: 100 }, (_, i) => losslessOutcome(`good-${from + i}`)))
  }
  t.ok(good > 261 + 186 && good < MOST, `certified after ${good} good generations`)
  t.match(await context(), { epoch: 2, guarantee: { total_error_level: 1.5 * 0.05 } }, 'in an epoch that began by itself')
})
