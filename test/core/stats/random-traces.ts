import fc from 'fast-check'
import { addTrace } from '../../../src/core/stats/evidence-sum.js'
import type { Evidence, EvidenceUnit } from '../../../src/core/stats/evidence.js'
import { GRID } from '../../../src/core/decide/grid.js'
import type { Em } from '../../../src/core/decide/step.js'
import { type Stop, stopsOf, type Trace, type TraceStep } from '../../../src/core/stats/trace.js'
import { NO_EVIDENCE } from './no-evidence.js'

export function traceOf (overrides: Partial<Trace> = {}): Trace {
  return { tokens: 100, answerTokens: 0, em: 1, steps: [], isComplete: true, ...overrides }
}

/** Plain and slow: each threshold looks for its own first step. */
export function stopsAsWritten (trace: Trace, minTokens: number, grid = GRID): Stop[] {
  return grid.map((threshold) => {
    const step = trace.steps.find(({ tokens, score }) => tokens >= minTokens && score !== null && score >= threshold)
    if (step === undefined) {
      const { isComplete, tokens, probeTokens = 0 } = trace
      return { delta: isComplete ? 0 : trace.em ?? 1, tokens, probeTokens, isUnprobed: !isComplete }
    }
    const tokens = Math.min(step.tokens + trace.answerTokens, trace.tokens)
    const probeTokens = step.probeTokens ?? 0
    if (trace.em === null) return { delta: 1, tokens, probeTokens, isUnprobed: step.em === undefined } // only the full one is right
    if (step.em === undefined) return { delta: trace.em, tokens, probeTokens, isUnprobed: true } // the worst case: the stop answer is wrong
    return { delta: (trace.em - step.em) as Stop['delta'], tokens, probeTokens, isUnprobed: false }
  })
}

const em = fc.constantFrom<Em>(0, 1)
const score = fc.oneof(
  fc.constantFrom(...GRID), // ties
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.double({ min: 0.99, max: 1, noNaN: true }),
  fc.constant(null)
)
const step: fc.Arbitrary<TraceStep> = fc.record({ tokens: fc.nat({ max: 100 }), score, em: fc.option(em, { nil: undefined }) })
/** Steps in order, with what probes cost so far, and the whole of it. */
const withCosts = (trace: Trace, costs: readonly number[]): Trace => {
  let probeTokens = 0
  const steps = trace.steps.map((step, i) => {
    probeTokens += costs[i] ?? 0
    return { ...step, probeTokens }
  })
  return { ...trace, steps, probeTokens }
}
const plain: fc.Arbitrary<Trace> = fc.record({
  tokens: fc.integer({ min: 100, max: 200 }),
  answerTokens: fc.nat({ max: 50 }),
  em: fc.option(em, { nil: null, freq: 8 }),
  steps: fc.array(step, { maxLength: 12 }).map((steps) => steps.sort((a, b) => a.tokens - b.tokens)),
  isComplete: fc.boolean(),
})

export const trace = fc.oneof(plain, fc.tuple(plain, fc.array(fc.nat({ max: 40 }))).map(([trace, costs]) => withCosts(trace, costs)))

export const add = (evidence: Evidence, trace: Trace) => addTrace(evidence, trace, stopsOf(trace, 0))
export const sumOf = (traces: readonly Trace[]) => traces.reduce(add, NO_EVIDENCE)

const unprobed: fc.Arbitrary<EvidenceUnit> = fc.record({
  tokens: fc.nat(1000),
  em: fc.nat(4),
  labelled: fc.nat(4),
  unprobed_generations: fc.nat(4),
  eighths: fc.array(fc.integer({ min: -8, max: 8 }), { minLength: 3, maxLength: 3 }),
  stopped_tokens: fc.array(fc.nat(1000), { minLength: 3, maxLength: 3 }),
  unprobed: fc.array(fc.nat(4), { minLength: 3, maxLength: 3 }),
})
const probes = fc.array(fc.nat(40), { minLength: 3, maxLength: 3 })

/** Of three thresholds, with and without probes. */
export const unit: fc.Arbitrary<EvidenceUnit> = fc.oneof(
  unprobed, fc.tuple(unprobed, probes).map(([unit, probe_tokens]) => ({ ...unit, probe_tokens })))
