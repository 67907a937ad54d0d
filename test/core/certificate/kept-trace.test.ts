import t from 'tap'
import { keepTrace, traceOfKept } from '../../../src/core/certificate/kept-trace.js'
import type { Trace } from '../../../src/core/certificate/stops.js'

const TRACE: Trace = {
  tokens: 60,
  answerTokens: 2,
  em: null,
  isComplete: true,
  probeTokens: 5,
  steps: [
    { tokens: 10, score: 0.5, probeTokens: 1, em: 1 },
    { tokens: 20, score: null, probeTokens: 2 },
    { tokens: 30, score: 0.7, probeTokens: 3, em: 0 },
    { tokens: 40, score: 0.8, probeTokens: 4, agrees: false },
    { tokens: 50, score: 0.9, probeTokens: 5, agrees: true },
  ],
}

t.test('a kept trace says the same as the trace', async (t) => {
  const kept = keepTrace('1-0', TRACE)
  t.equal(kept.steps.answers, '1-0x=')
  t.same(traceOfKept(JSON.parse(JSON.stringify(kept))), TRACE)
})

t.test('where no probe was reported, none is kept', async (t) => {
  const { probeTokens: _, ...rest } = TRACE
  const free = { ...rest, steps: TRACE.steps.map(({ probeTokens: _, ...step }) => step) }
  const kept = keepTrace('1-0', free)
  t.notOk('probe_tokens' in kept || 'probe_tokens' in kept.steps)
  t.same(traceOfKept(kept), { ...free, probeTokens: undefined })
})
