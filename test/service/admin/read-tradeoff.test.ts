import t from 'tap'
import { certify, CONTEXT, KEY, losslessOutcome } from '../../certify.js'
import { build, until } from '../../helper.js'

t.test('before its first certificate a context forecasts when it is due, by the log\'s clock', async (t) => {
  const { send, contexts } = await build(t)
  await send('POST', '/v1/outcomes', losslessOutcome('g0'))
  await send('POST', '/v1/outcomes/batch', { outcomes: Array.from({ length: 99 }, (_, i) => losslessOutcome(`g${i + 1}`, CONTEXT)) })
  await until('100 are learned', async () => (await contexts.get(KEY).catch(() => null))?.control_generations === 100)
  const tradeoff = await contexts.tradeoff(KEY)
  t.match(tradeoff, { key: KEY, score: 'confidence', threshold: null, knee: null, unfavourable_from: null, moves: [] })
  t.equal(tradeoff.forecast.next_certificate!.generations, 86)
  t.equal(tradeoff.forecast.heading, 'looser')
})

t.test('a certified context shows the change of its threshold', async (t) => {
  const built = await build(t)
  await certify(built)
  const { moves, threshold, points } = await built.contexts.tradeoff(KEY)
  t.match(moves.at(-1), { cause: 'evidence', before: null, after: Number, epoch: 1, time: /^\d{4}-.*Z$/ })
  t.ok(threshold !== null)
  t.equal(points.length, 31)
})
