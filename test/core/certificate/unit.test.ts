import t from 'tap'
import { unitOf } from '../../../src/core/certificate/unit.js'
import { traceOf } from './random-traces.js'

t.test('the unit of a generation has its difference in eighths, its tokens and its unprobed stops at each threshold', async (t) => {
  const stops = [
    { delta: 0, tokens: 100, probeTokens: 9, isUnprobed: false },
    { delta: 1, tokens: 60, probeTokens: 6, isUnprobed: true },
    { delta: -1, tokens: 20, probeTokens: 3, isUnprobed: false },
  ] as const
  t.strictSame(unitOf(traceOf(), stops), {
    tokens: 100, em: 1, labelled: 1, unprobed_generations: 1, eighths: [0, 8, -8], stopped_tokens: [100, 60, 20], unprobed: [0, 1, 0],
  })
  t.strictSame(unitOf(traceOf({ em: null }), [stops[0]]), {
    tokens: 100, em: 0, labelled: 0, unprobed_generations: 0, eighths: [0], stopped_tokens: [100], unprobed: [0],
  })
  t.strictSame(unitOf(traceOf({ probeTokens: 9 }), stops).probe_tokens, [9, 6, 3])
})
