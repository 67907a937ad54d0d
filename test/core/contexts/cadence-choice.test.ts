import fc from 'fast-check'
import t from 'tap'
import { GRID } from '../../../src/core/certificate/thresholds.js'
import { type Em, stepsAtCadence, stopsOf, type Trace } from '../../../src/core/certificate/trace.js'
import { CADENCE_CANDIDATES, candidatesFor, chooseCadence, estimateCadence } from '../../../src/core/contexts/cadence-choice.js'
import { holds } from '../../property.js'

const BOUND = { minTokens: 0, maxEmDrop: 0.02 }

/** A run with a step every 8 tokens, which every candidate can be read from. */
function runOf (tokens: number, em: Em, scores: readonly number[], right: readonly Em[], probe: number, answerTokens = 0): Trace {
  const steps = Array.from({ length: Math.floor((tokens - answerTokens) / 8) }, (_, i) => ({
    tokens: 8 * (i + 1), score: scores[i % scores.length]!, em: right[i % right.length]!, probeTokens: probe * (i + 1),
  }))
  return { tokens, answerTokens, em, steps, isComplete: true, probeTokens: probe * steps.length }
}

const em = fc.constantFrom<Em>(0, 1)

const traces = fc.integer({ min: 0, max: 20 }).chain((probe) => fc.array(fc.record({
  tokens: fc.integer({ min: 8, max: 1200 }),
  em,
  scores: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 }),
  right: fc.array(em, { minLength: 1, maxLength: 40 }),
  answerTokens: fc.integer({ min: 0, max: 6 }),
}).map(({ tokens, em, scores, right, answerTokens }) => runOf(tokens, em, scores, right, probe, answerTokens)), { minLength: 2, maxLength: 12 }))

/** Net tokens saved by a cadence, by replaying the runs at it. */
function bruteForce (runs: readonly Trace[], check_every_tokens: number, check_growth: number): { index: number, saved: number } {
  const cadence = { checkEveryTokens: check_every_tokens, checkGrowth: check_growth, minTokens: 0 }
  const stops = runs.map((run) => {
    const asked = { ...run, probeTokens: 0, ...stepsAtCadence(run.steps, cadence, run.steps.length === 0 ? 0 : run.probeTokens! / run.steps.length) }
    return { run, asked, stops: stopsOf(asked, 0) }
  })
  const full = runs.reduce((sum, { tokens }) => sum + tokens, 0)
  let best = { index: -1, saved: -stops.reduce((sum, { asked }) => sum + asked.probeTokens, 0) / full }
  for (const [k] of GRID.entries()) {
    if (stops.reduce((sum, one) => sum + one.stops[k]!.delta, 0) / runs.length > BOUND.maxEmDrop) break
    const saved = stops.reduce((sum, { run, stops: its }) => sum + run.tokens - its[k]!.tokens - its[k]!.probeTokens, 0) / full
    if (best.index === -1 || saved > best.saved) best = { index: k, saved }
  }
  return best
}

t.test('property: the chosen cadence is the best of a brute-force evaluation, where the steps show every candidate', async (t) => {
  holds(t, fc.property(traces, (runs) => {
    const all = candidatesFor(runs).map(({ check_every_tokens: every, check_growth: growth }) => bruteForce(runs, every, growth))
    const best = Math.max(...all.map(({ saved }) => saved))
    const chosen = chooseCadence(runs, BOUND)
    const own = bruteForce(runs, chosen.check_every_tokens, chosen.check_growth)
    const saving = all.filter(({ index, saved }) => index !== -1 && saved > 1e-9)
    if (chosen.reason === 'none_saves') return saving.length === 0
    return Math.abs(own.saved - best) < 1e-9 && Math.abs(chosen.candidates[0]!.tokens_saved_ratio - best) < 1e-9
  }))
})

t.test('property: every estimate is that of the brute-force evaluation, where the steps show it', async (t) => {
  holds(t, fc.property(traces, fc.constantFrom(...CADENCE_CANDIDATES), (runs, numbers) => {
    const { tokens_saved_ratio: saved, threshold } = estimateCadence(runs, numbers, BOUND)
    const exact = bruteForce(runs, numbers.check_every_tokens, numbers.check_growth)
    return Math.abs(saved - exact.saved) < 1e-9 && (threshold === null) === (exact.index === -1)
  }))
})

t.test('checks between the recorded steps stop where the score may have crossed in between, and cost their probes', async (t) => {
  // It crosses between 0 and 64 tokens. Every 16 tokens, it stops at 16, 32, 48 or 64 with equal chance, after 1 to 4 probes of 2 tokens.
  const run: Trace = { tokens: 128, answerTokens: 0, em: 1, isComplete: true, probeTokens: 2, steps: [{ tokens: 64, score: 1, em: 1, probeTokens: 2 }] }
  const { tokens_saved_ratio: net, tokens_saved_gross_ratio: gross } = estimateCadence([run], { check_every_tokens: 16, check_growth: 0 }, BOUND)
  t.equal(gross, (128 - 40) / 128)
  t.equal(net, (128 - 40 - 5) / 128)
})

t.test('a sum over very many checks is that over each of them', async (t) => {
  const run = (end: number): Trace => ({ tokens: end, answerTokens: 0, em: 1, isComplete: true, probeTokens: 1, steps: [{ tokens: end - 4, score: 1, em: 1, probeTokens: 1 }] })
  for (const end of [8 * 64, 8 * 67 + 3, 8 * 500 + 5]) {
    const { tokens_saved_ratio: saved } = estimateCadence([run(end)], { check_every_tokens: 8, check_growth: 0 }, BOUND)
    let [at, asked, share] = [0, 0, 0]
    for (let due = 8, last = 0, n = 1; last < end - 4 && due <= end; last = due, due += 8, n++) {
      const part = (Math.min(due, end - 4) - last) / (end - 4)
      at += part * due
      asked += part * n
      share += part
    }
    const never = 1 - share // the next check would be after the end
    t.ok(Math.abs(saved - (share * end - at - asked - never * Math.floor(end / 8)) / end) < 1e-9, String(end))
  }
  const longest = run(1_000_000_000)
  const started = performance.now()
  chooseCadence([longest], BOUND)
  t.ok(performance.now() - started < 1000, 'and a run without end takes no time')
})

t.test('where no candidate saves net, it is 32 tokens and a growth of 1/8, or further apart if probes took more than a tenth', async (t) => {
  const wrong = Array.from({ length: 8 }, () => runOf(640, 1, [1], [0], 1))
  t.match(chooseCadence(wrong, BOUND), { reason: 'none_saves', check_every_tokens: 32, check_growth: 1 / 8, candidates: [{ threshold: null }] })
  t.match(chooseCadence(Array.from({ length: 8 }, () => runOf(640, 1, [1], [0], 16)), BOUND), { check_every_tokens: 256 })
  t.match(chooseCadence([{ ...runOf(4, 1, [1], [1], 0) }], BOUND), { reason: 'none_saves', check_every_tokens: 32 }, 'too short for any check')
})

t.test('workers that ask at steps of their own get no shorter distance than theirs, unless they follow the one in force', async (t) => {
  const every32: Trace[] = Array.from({ length: 8 }, () => ({
    tokens: 64, answerTokens: 0, em: 1, isComplete: true, steps: [{ tokens: 32, score: 0.95, em: 1 }, { tokens: 64, score: 0.99, em: 1 }],
  }))
  t.match(chooseCadence(every32, BOUND), { reason: 'saves_most', check_every_tokens: 32 })
  t.ok(chooseCadence(every32, BOUND, { check_every_tokens: 32, check_growth: 0 }).check_every_tokens < 32)
  const votes = [{ ...every32[0]!, tokens: 90_000, steps: [{ tokens: 6000, score: 1, em: 1 as const }, { tokens: 9000, score: 1, em: 1 as const }] }]
  t.equal(chooseCadence(votes, BOUND).check_every_tokens, 256, 'the longest stands for those that are longer')
})

t.test('a step that was not probed has the last probed answer', async (t) => {
  const run: Trace = {
    tokens: 64, answerTokens: 0, em: 1, isComplete: true, steps: [{ tokens: 8, score: 0.99, em: 1 }, { tokens: 16, score: 0.9 }],
  }
  const { em_drop: drop, threshold } = estimateCadence([run], { check_every_tokens: 16, check_growth: 0 }, BOUND)
  t.equal(drop, 0)
  t.not(threshold, null)
})
