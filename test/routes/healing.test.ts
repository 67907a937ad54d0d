import t from 'tap'
import { CONTEXT, KEY, losslessOutcome, report } from '../certify.js'
import { build, until } from '../helper.js'

/** Good generations after which healing is given up. docs/evidence/arrivals.md has how many it takes. */
const MOST = 1200

t.test('rule 13: a context whose worker was repaired is certified again', async (t) => {
  const built = await build(t)
  const post = (path: string, body: unknown) => built.send('POST', path, body)
  const context = async () => (await built.send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`)).body
  const learn = async (outcomes: object[], generations: number) => {
    await report(post, outcomes)
    return await until(`${generations} are learned`, async () => { const now = await context(); return now.control_generations >= generations && now })
  }
  const broken = (i: number) => {
    const { steps: [first, ...rest], ...outcome } = losslessOutcome(`broken-${i}`)
    return { ...outcome, steps: [i % 10 < 3 ? { ...first, em: 0, answer: 'another' } : first, ...rest] }
  }
  await learn(Array.from({ length: 160 }, (_, i) => broken(i)), 160)
  const isStopped = async () => {
    const { body } = await built.send('POST', '/v1/decisions', { arm: 'treated', tokens: 32, confidence: 0.95, context: CONTEXT })
    return body.decision === 'stop'
  }
  let good = 0
  let last = await context()
  while (!await isStopped() && good < MOST) {
    last = await learn(Array.from({ length: 100 }, () => losslessOutcome(`good-${good++}`)), 160 + good)
  }
  t.ok(good > 192 && good < MOST, `certified after ${good} good generations`)
  t.ok(last.evidence.units < 160 + good, 'by the evidence since the repair')
})
