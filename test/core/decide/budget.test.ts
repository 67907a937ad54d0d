import fc from 'fast-check'
import t from 'tap'
import { isStopProbed, secondHash } from '../../../src/core/decide/arm.js'
import { bundleOf, snapshotOfBundle } from '../../../src/core/decide/bundle.js'
import { decide, type Freshness } from '../../../src/core/decide/decide.js'
import { BUDGETS, GRID } from '../../../src/core/decide/grid.js'
import type { Step } from '../../../src/core/decide/step.js'
import { nextCheckTokens } from '../../../src/core/policy/policy.js'
import { holds } from '../../property.js'
import { type LinkFields, PREDICTOR, snapshotOf } from './snapshot-of.js'

// Thinking budgets, the score "tokens", and generations that go round in a loop.

const CONTEXT = { model: 'q', task: 'x' }
const SALT = 'salt'
const at = (index: number, fields: LinkFields = {}): LinkFields => ({ index, ...fields, policy: { score: 'tokens', ...fields.policy } })

function decided (stands: LinkFields, step: Partial<Step>, freshness: Freshness = 'fresh') {
  const snapshot = { ...snapshotOf({ 'model=q,task=x': stands }), salt: SALT }
  return decide(snapshot, freshness, { tokens: 0, confidence: null, context: CONTEXT, ...step })
}

t.test('budgets are 32 * 2^(k/3) tokens up to 131,072, safest first', async (t) => {
  t.equal(BUDGETS.length, 37)
  t.strictSame(BUDGETS.slice(-5), [81, 64, 51, 40, 32])
  t.strictSame(BUDGETS.slice(0, 2), [131_072, 104_032])
  t.strictSame([...BUDGETS].sort((a, b) => b - a), BUDGETS)
})

t.test('a treated generation asks once, with no confidence, and learns its budget', async (t) => {
  t.match(decided(at(20), { arm: 'treated' }), {
    decision: 'continue', reason: 'below_threshold', threshold: BUDGETS[20], score: 0, scorer: 'tokens', budget_tokens: BUDGETS[20], next_check_tokens: null,
  })
  t.match(decided(at(20), { arm: 'treated', tokens: BUDGETS[20]! }), { decision: 'stop', reason: 'score_at_threshold' })
  t.match(decided(at(20), { arm: 'treated', tokens: BUDGETS[20]! - 1 }), { decision: 'continue' })
})

t.test('no budget is stated where nothing may be stopped', async (t) => {
  for (const [name, stands, step, freshness] of [
    ['no threshold', at(-1), {}, 'fresh'],
    ['shadow', at(20, { policy: { mode: 'shadow' } }), {}, 'fresh'],
    ['off', at(20, { policy: { mode: 'off' } }), {}, 'fresh'],
    ['suspended', at(20, { isSuspended: true }), {}, 'fresh'],
    ['an old snapshot', at(20), {}, 'too_old'],
    ['a retry', at(20), { retry_of: 'g0' }, 'fresh'],
  ] as const) {
    const decision = decided(stands, { arm: 'treated', ...step }, freshness)
    t.match([decision.budget_tokens, decision.next_check_tokens, decision.probe], [null, null, false], name)
  }
  t.notOk('budget_tokens' in decided({ index: 3 }, { arm: 'treated' }), 'another score')
  t.notOk('budget_tokens' in decided(at(20), { arm: 'control' }), 'a control generation')
})

t.test('a budget is the first check that reaches the threshold', async (t) => {
  t.match(decided(at(36, { policy: { min_tokens: 60 } }), { arm: 'treated' }), { threshold: 32, budget_tokens: 64 })
  t.match(decided(at(-1, { pin: 1000 }), { arm: 'treated' }), { budget_tokens: null }, 'a pin for the confidence is for another score')
  t.match(decided(at(-1, { pin: 1000, pinScorer: 'tokens' }), { arm: 'treated' }), { threshold: 1000, budget_tokens: 1024 })
  t.match(decided(at(-1, { pin: 200_000, pinScorer: 'tokens' }), { arm: 'treated' }), { budget_tokens: null }, 'there is no check beyond the last budget')
})

t.test('a control generation is checked and probed at each budget, and nowhere else', async (t) => {
  let tokens = 0
  const checks: number[] = []
  for (;;) {
    const { decision, next_check_tokens: next, probe } = decided(at(20), { arm: 'control', tokens, probed_score: checks.at(-1) ?? null })
    t.equal(decision, 'continue')
    t.equal(probe, tokens > 0, `${tokens}`)
    if (tokens > 0) checks.push(tokens)
    if (next === null) break
    tokens = next
  }
  t.strictSame(checks, [...BUDGETS].reverse())
  t.notOk(decided(at(20), { arm: 'control', tokens: 100, probed_score: 81 }).probe, 'no threshold lies between')
})

t.test('one treated generation in twenty is drawn for a probe of its stop, by its second hash', async (t) => {
  const ids = Array.from({ length: 4000 }, (_, i) => `g${i}`)
  const drawn = ids.filter((id) => decided(at(20), { arm: 'treated', generation_id: id }).probe)
  t.strictSame(drawn, ids.filter((id) => isStopProbed(secondHash(SALT, id))))
  t.ok(drawn.length > 140 && drawn.length < 260, `${drawn.length}`)
  t.ok(decided(at(20), { arm: 'treated', generation_id: ids.find((id) => !drawn.includes(id))!, group_id: drawn[0]! }).probe, 'by the group, where there is one')
  t.notOk(decided({ index: 3 }, { arm: 'treated', generation_id: drawn[0]! }).probe, 'under another score every stop is probed')
})

t.test('a bundle decides about budgets as the service does', async (t) => {
  const links = fc.record({
    index: fc.integer({ min: -1, max: 36 }), min_tokens: fc.constantFrom(0, 50, 5000), mode: fc.constantFrom('enforce', 'shadow', 'off'),
  })
  const steps = fc.record({
    tokens: fc.integer({ min: 0, max: 200_000 }),
    arm: fc.constantFrom('treated', 'control'),
    repeats: fc.boolean(),
    confidence: fc.constantFrom(null, 0.4, 1),
    generation_id: fc.constantFrom(...Array.from({ length: 60 }, (_, i) => `g${i}`)),
  })
  holds(t, fc.property(links, steps, ({ index, ...policy }, step) => {
    const snapshot = { ...snapshotOf({ 'model=q,task=x': at(index, { policy }) }), salt: SALT }
    const rebuilt = snapshotOfBundle(JSON.parse(JSON.stringify(bundleOf(snapshot))))
    const own = decide(snapshot, 'fresh', { context: CONTEXT, ...step })
    return JSON.stringify({ ...own, context: '' }) === JSON.stringify({ ...decide(rebuilt, 'fresh', { context: CONTEXT, ...step }), context: '' })
  }))
})

t.test('a generation that goes round in a loop reaches every threshold of every score', async (t) => {
  for (const [name, stands] of [
    ['the raw confidence', { index: 0 }], ['a pin of 1', { pin: 1 }], ['a predictor', { index: 0, policy: { score: PREDICTOR.name } }], ['budgets', at(0)],
  ] as ReadonlyArray<readonly [string, LinkFields]>) {
    t.match(decided(stands, { arm: 'treated', tokens: 900, repeats: true }), { decision: 'stop', reason: 'score_at_threshold' }, name)
    t.match(decided(stands, { arm: 'treated', tokens: 900, repeats: true, due_tokens: 5000 }), { decision: 'stop' }, `${name}, before its next check`)
    t.match(decided(stands, { arm: 'control', tokens: 900, repeats: true }), { decision: 'continue', probe: true, reason: 'control_arm' }, `${name}, in control`)
    t.match(decided({ ...stands, policy: { ...stands.policy, min_tokens: 1000 } }, { arm: 'treated', tokens: 900, repeats: true }), { decision: 'continue' }, `${name}, too soon`)
  }
  t.match(decided({ index: -1 }, { arm: 'treated', tokens: 900, repeats: true }), { decision: 'continue', reason: 'no_threshold' })
  t.match(decided({ index: GRID.length - 1 }, { arm: 'treated', tokens: 900, confidence: 0 }), { decision: 'continue' })
})

t.test('checks are at given counts', async (t) => {
  const cadence = { checkEveryTokens: 1, checkGrowth: 0, minTokens: 50, checkCounts: [32, 64, 128] }
  t.strictSame([0, 49, 63, 64, 127, 128].map((tokens) => nextCheckTokens(cadence, tokens)), [64, 64, 64, 128, 128, Infinity])
})
