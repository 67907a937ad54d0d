import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { GRID } from '../../../src/core/certificate/grid.js'
import { stopsOf, type Em, type TraceStep } from '../../../src/core/certificate/stops.js'
import { holds } from '../../property.js'
import { stopsAsWritten, sumOf, trace, traceOf } from './random-traces.js'

const LAST = GRID.length - 1

t.test('stopsOf equals a search for the first step at every threshold', async (t) => {
  holds(t, fc.property(trace, fc.nat({ max: 100 }), (trace, minTokens) => {
    assert.deepEqual(stopsOf(trace, minTokens), stopsAsWritten(trace, minTokens))
  }), 500)
})

t.test('a score equal to the threshold stops', async (t) => {
  for (const [k, score] of GRID.entries()) {
    const stops = stopsOf(traceOf({ steps: [{ tokens: 10, score, em: 1 }] }), 0)
    t.strictSame(stops.map((stop) => stop.tokens), GRID.map((_, i) => i < k ? 100 : 10), `score ${score}`)
  }
})

t.test('stops are counted as lost, kept and gained', async (t) => {
  const stop = (full: Em, stopped: Em) => stopsOf(traceOf({ em: full, steps: [{ tokens: 10, score: 1, em: stopped }] }), 0)[0]!.delta
  t.equal(stop(1, 0), 1)
  t.equal(stop(1, 1), 0)
  t.equal(stop(0, 0), 0)
  t.equal(stop(0, 1), -1)
})

t.test('crossing at a step without a probe counts as the worst case and as unprobed', async (t) => {
  const right = traceOf({ steps: [{ tokens: 10, score: GRID[5]! }, { tokens: 20, score: 1, em: 1 }] })
  const stops = stopsOf(right, 0)
  t.match(stops[4], { delta: 0, tokens: 20, isUnprobed: false }, 'safer thresholds look at the probed step')
  t.match(stops[5], { delta: 1, tokens: 10, isUnprobed: true })
  t.equal(stopsOf({ ...right, em: 0 }, 0)[5]!.delta, 0, 'a wrong full answer can not be lost')
  const evidence = sumOf([right, traceOf()])
  t.equal(evidence.unprobed_generations, 1)
  t.equal(evidence.unprobed[5], 1)
  t.equal(evidence.unprobed[4], 0)
})

t.test('an incomplete trace is the worst case at every threshold it did not cross', async (t) => {
  const stops = stopsOf(traceOf({ isComplete: false, steps: [{ tokens: 10, score: GRID[20]!, em: 1 }] }), 0)
  t.match(stops[19], { delta: 1, tokens: 100, isUnprobed: true })
  t.match(stops[20], { delta: 0, tokens: 10, isUnprobed: false })
})

t.test('a step before min_tokens or of unknown confidence stops nothing', async (t) => {
  const steps: TraceStep[] = [{ tokens: 10, score: 1, em: 0 }, { tokens: 20, score: null, em: 0 }, { tokens: 30, score: 1, em: 1 }]
  t.equal(stopsOf(traceOf({ steps }), 10)[0]!.tokens, 10, 'at min_tokens it may')
  t.equal(stopsOf(traceOf({ steps }), 11)[0]!.tokens, 30)
})

t.test('answer tokens count, up to the length of the full run', async (t) => {
  const tokensAt = (tokens: number) => stopsOf(traceOf({ answerTokens: 15, steps: [{ tokens, score: 1, em: 1 }] }), 0)[0]!.tokens
  t.equal(tokensAt(10), 25)
  t.equal(tokensAt(90), 100)
})

t.test('rule 7: an answer that agrees with the final one loses nothing, whatever the label says; a verdict of its own overrides it', async (t) => {
  const at = (em: Em | null, step: Partial<TraceStep>) => stopsOf(traceOf({ em, steps: [{ tokens: 10, score: 1, ...step }] }), 0)[LAST]
  for (const em of [0, 1, null] as const) t.match(at(em, { agrees: true }), { delta: 0, isUnprobed: false })
  t.match(at(null, { agrees: false }), { delta: 1, isUnprobed: false }, 'its label may say that the full answer was right')
  t.match(at(0, { agrees: false }), { delta: 0 }, 'a wrong full answer cannot be lost')
  t.match(at(1, { agrees: true, em: 0 }), { delta: 1 })
  t.match(at(null, {}), { delta: 1, isUnprobed: true })
})
