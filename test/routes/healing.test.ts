import t from 'tap'
import { CONTEXT, KEY, losslessOutcome, report } from '../certify.js'
import { build, until } from '../helper.js'

/** Good generations after which healing is given up. docs/evidence/validity.md has how many it takes. */
const MOST = 1200

t.test('rule E9: a context whose worker was repaired is certified again', async (t) => {
  const built = await build(t)
  const post = (path: string, body: unknown) => built.send('POST', path, body)
  const context = async () => (await built.send('GET', `/v1/contexts/${encodeURIComponent(KEY)}`)).body
  const broken = (i: number) => {
    const { steps: [first, ...rest], ...outcome } = losslessOutcome(`broken-${i}`)
    return { ...outcome, steps: [i % 10 < 3 ? { ...first, em: 0, answer: 'another' } : first, ...rest] }
  }
  await report(post, Array.from({ length: 160 }, (_, i) => broken(i)))
  const isStopped = async () => {
    const { body } = await built.send('POST', '/v1/decisions', { arm: 'treated', tokens: 32, confidence: 0.95, context: CONTEXT })
    return body.decision === 'stop'
  }
  let good = 0
  for (; !await isStopped() && good < MOST; good += 100) {
    const from = good
    await report(post, Array.from({ length: 100 }, (_, i) => losslessOutcome(`good-${from + i}`)))
    await until(`${from + 100} are learned`, () => built.snapshotHolder.lag() === 0)
  }
  t.ok(good > 261 + 186 && good < MOST, `certified after ${good} good generations`)
  t.match(await context(), { epoch: 2, evidence: { epochs_opened: 2 } }, 'in an epoch that began by itself')
})
