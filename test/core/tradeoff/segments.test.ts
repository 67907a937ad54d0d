import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { emDropInterval } from '../../../src/core/certificate/em-drop-interval.js'
import { emDrop, NO_EVIDENCE } from '../../../src/core/certificate/evidence.js'
import { predictedDrop, priceBetween, segmentsOf } from '../../../src/core/tradeoff/segments.js'
import { holds } from '../../property.js'
import { anyEvidence } from '../certificate/random-evidence.js'
import { isClose, stairs } from './stairs.js'

t.test('an example by hand: 20, 40 and 60 % of tokens cost 0, 1 and 4 points', async (t) => {
  const evidence = stairs([0, 10, 40])
  const segments = segmentsOf(evidence)
  t.strictSame(segments.map(({ from, to }) => [from, to]), [[-1, 0], [0, 10], [10, 20]], 'thresholds that save no more tokens add no segment')
  const prices = [0, 0.01 / 20, 0.03 / 20]
  for (const [i, { saved, price }] of segments.entries()) t.ok(isClose(saved, 0.2) && isClose(price, prices[i]!), `${price}`)
  for (const k of [0, 5, 10, 19, 20, 29]) t.ok(isClose(predictedDrop(evidence, segments, k), emDrop(evidence, k)), 'a convex curve is left as it is')
})

t.test('an example by hand: an expensive segment before a cheaper one is pooled with it', async (t) => {
  const evidence = stairs([20, 10, 40])
  const segments = segmentsOf(evidence)
  t.strictSame(segments.map(({ from, to }) => [from, to]), [[-1, 10], [10, 20]])
  t.ok(isClose(segments[0]!.price, 0.01 / 40), '1 point for 40 %')
  t.ok(isClose(predictedDrop(evidence, segments, 0), 0.005), 'half of the pooled drop, where 2 points were observed')
})

t.test('the smoothed curve is convex, lies below the observed one, and meets it at the ends of segments', async (t) => {
  holds(t, fc.property(anyEvidence, (evidence) => {
    const segments = segmentsOf(evidence)
    for (const [i, { price, saved }] of segments.entries()) assert.ok(saved > 0 && price > (segments[i - 1]?.price ?? -Infinity))
    for (const { to } of segments) assert.ok(isClose(predictedDrop(evidence, segments, to), emDrop(evidence, to)))
    for (const [k, tokens] of evidence.tokens.entries()) {
      const isFirst = tokens < (evidence.tokens[k - 1] ?? evidence.full_tokens) // of the thresholds that save as many tokens
      if (isFirst) assert.ok(predictedDrop(evidence, segments, k) <= emDrop(evidence, k) + 1e-9)
    }
  }))
})

t.test('a price has the interval of the changes between two thresholds, and there is none with too little data', async (t) => {
  const evidence = stairs([0, 10, 40])
  const { low, high } = emDropInterval({ lost: 30, kept: 970, gained: 0 }, 0.05)
  const price = priceBetween(evidence, 10, 20, 0.05)!
  t.ok(isClose(price.estimate, 0.0015) && isClose(price.low, low / 20) && isClose(price.high, high / 20), JSON.stringify(price))
  t.equal(priceBetween(evidence, 10, 15, 0.05), null, 'no tokens saved')
  t.equal(priceBetween(stairs([0, 0, 1], 29), 10, 20, 0.05), null, 'too few generations')
  t.strictSame(segmentsOf(NO_EVIDENCE), [])
})
