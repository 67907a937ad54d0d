import t from 'tap'
import { certify, KEY, losslessOutcome, reportTo, untilEvidence } from '../../certify.js'
import { build } from '../../helper.js'
import { ALL_CONTROL } from '../../quick-policy.js'

t.test('before its first certificate a context forecasts when it is due, by the log\'s clock', async (t) => {
  const built = await build(t, ALL_CONTROL)
  await reportTo(built, [losslessOutcome('g0')])
  await reportTo(built, Array.from({ length: 99 }, (_, i) => losslessOutcome(`g${i + 1}`)))
  await untilEvidence(built, 100)
  const tradeoff = await built.contexts.tradeoff(KEY)
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
