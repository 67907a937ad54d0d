import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { GRID } from '../../../src/core/decide/grid.js'
import type { Em } from '../../../src/core/decide/step.js'
import { stopsOf } from '../../../src/core/stats/trace.js'
import type { LoggedOutcome, LoggedStep } from '../../../src/core/outcome/outcome.js'
import { scoreStep } from '../../../src/core/decide/scorer.js'
import { PendingOutcomes, pruneSteps, SLOTS, SLOTS_OF_CONTEXT, traceSlot } from '../../../src/core/learn/pending-outcomes.js'
import { holds } from '../../property.js'
import { LEAF, outcomeOf } from './memory-fold.js'

const pendingOf = (generation_id: string) =>
  ({ leaf: LEAF, key: LEAF, outcome: pruneSteps(outcomeOf({ generation_id }), { minTokens: [0], scorer: null, isSampled: false }) })

t.test('an outcome is kept until it is removed, and a labelled one replaces it', async (t) => {
  const pending = new PendingOutcomes()
  const [a, b] = [pendingOf('a'), pendingOf('b')]
  pending.set(a)
  pending.set(b)
  t.equal(pending.size, 2)
  t.equal(pending.get('a'), a)
  const labelled = { ...a, outcome: { ...a.outcome, full: { exact_match: 0 as const } } }
  pending.set(labelled)
  t.equal(pending.get('a'), labelled)
  pending.remove('a')
  t.strictSame([...pending.values()], [b])
  t.equal(pending.get('a'), undefined)
})

t.test('changes are the outcomes set or removed since changes were last taken', async (t) => {
  const stored = pendingOf('stored')
  const pending = new PendingOutcomes([stored])
  t.strictSame(pending.takeChanges(), new Map())
  const a = pendingOf('a')
  pending.set(a)
  pending.remove('stored')
  pending.remove('unknown')
  t.strictSame(pending.takeChanges(), new Map([['a', a], ['stored', undefined]]))
  t.strictSame(pending.takeChanges(), new Map())
})

const step = fc.record({
  tokens: fc.nat({ max: 100 }),
  confidence: fc.oneof(fc.constantFrom(...GRID), fc.double({ min: 0, max: 1, noNaN: true }), fc.constant(null)),
  exact_match: fc.constantFrom<Em>(0, 1),
})

const stopsIn = ({ tokens, steps, steps_complete: isComplete }: Pick<LoggedOutcome, 'tokens' | 'steps' | 'steps_complete'>, min: number) => {
  const scored = steps!.map((step) => ({ tokens: step.tokens, score: step.confidence, em: step.exact_match }))
  return stopsOf({ tokens, answerTokens: 0, em: 1, isComplete, steps: scored }, min)
}

t.test('the kept steps give the same stops as all steps, for every threshold and min_tokens', async (t) => {
  holds(t, fc.property(fc.array(step, { maxLength: 60 }), fc.array(fc.nat({ max: 100 }), { minLength: 1, maxLength: 3 }), (steps, mins) => {
    const outcome = outcomeOf({ tokens: 100, steps: steps.sort((a, b) => a.tokens - b.tokens) })
    const pruned = pruneSteps(outcome, { minTokens: mins, scorer: null, isSampled: false })
    for (const min of mins) assert.deepEqual(stopsIn(pruned, min), stopsIn(outcome, min))
    assert.ok(pruned.steps!.length <= GRID.length * mins.length)
    assert.equal(pruned.asked, steps.length)
    for (const { place, ...kept } of pruned.steps!) assert.deepEqual(kept, { ...outcome.steps![place!] })
  }))
})

t.test('the kept steps give the same stops where a predictor scores, with a grid of any length', async (t) => {
  const scorer = (length: number) => ({
    name: `p${length}`, grid: Array.from({ length }, (_, k) => 0.99 - k / 100), log_median: 3, length_power: 0, weights: [0.5, -1, 0.3, 0], signals: [],
  })
  const scorers = [scorer(2), scorer(60)]
  holds(t, fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
    const outcome = outcomeOf({ tokens: 100, steps: steps.sort((a, b) => a.tokens - b.tokens) })
    for (const scorer of scorers) {
      const pruned = pruneSteps(outcome, { minTokens: [10], scorer, isSampled: false })
      const stopsBy = (of: readonly LoggedStep[]) => stopsOf({
        tokens: 100,
        answerTokens: 0,
        em: 1,
        isComplete: true,
        steps: of.map(({ tokens, confidence, exact_match }) =>
          ({ tokens, score: scoreStep(scorer, tokens, confidence, undefined), em: exact_match })),
      }, 10, scorer.grid)
      assert.deepEqual(stopsBy(pruned.steps!), stopsBy(outcome.steps!))
      assert.ok(pruned.steps!.length <= scorer.grid.length)
    }
  }))
})

t.test('an outcome without steps stays without steps', async (t) => {
  t.equal(pruneSteps(outcomeOf({ steps: null }), { minTokens: [0], scorer: null, isSampled: false }).steps, null)
})

const ids = Array.from({ length: 20_000 }, (_, i) => `g${i}`)

t.test('every trace is kept at first, and later a falling share', async (t) => {
  t.equal(ids.filter((id, i) => i < SLOTS_OF_CONTEXT && traceSlot(id, i, 1) === null).length, 0)
  const taken = (from: number, to: number) =>
    ids.filter((id, i) => i >= from && i < to && traceSlot(id, i, 1) !== null).length / (to - from)
  t.ok(Math.abs(taken(900, 1100) - 0.256) < 0.1)
  t.ok(Math.abs(taken(10_000, 20_000) - 1 / 16) < 0.01, 'never fewer than a sixteenth')
})

t.test('a trace that is not kept now is not kept later', async (t) => {
  for (const id of ids.slice(0, 500)) if (traceSlot(id, 1000, 1) === null) t.equal(traceSlot(id, 2000, 1), null)
})

t.test('all slots are used, and divided among contexts', async (t) => {
  const used = (contexts: number) => new Set(ids.map((id) => traceSlot(id, 0, contexts)))
  t.equal(used(1).size, SLOTS_OF_CONTEXT)
  t.equal(used(SLOTS).size, 1)
  t.equal(used(10 * SLOTS).size, 1, 'each context has one')
  t.equal(used(SLOTS / 16).size, 16)
})
