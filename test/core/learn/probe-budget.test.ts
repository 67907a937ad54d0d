import fc from 'fast-check'
import t from 'tap'
import type { ContextState } from '../../../src/core/learn/context-state.js'
import { probeBudget } from '../../../src/core/learn/probe-budget.js'
import { gatheredUnits } from '../../../src/core/evidence/evidence-span.js'
import type { PolicyPatch } from '../../../src/core/policy/policy.js'
import { moveShare } from '../../../src/core/learn/control-share.js'
import { holds, numRuns } from '../../property.js'
import { LEAF, type MemoryFold, memoryFold, outcomeOf, policyWith, SURE_STEP } from './memory-fold.js'
import { changed } from '../../changed-state.js'

/** A control generation of 100 tokens that every threshold stops at 40 tokens, at a probe of `cost` tokens. */
const probed = (cost: number, isLost: boolean, tokens = 40) => outcomeOf({
  probe_tokens: cost, asked_tokens: cost, steps: [{ ...SURE_STEP, tokens, asked_tokens: cost, exact_match: isLost ? 0 : 1 }],
})

/** Learns so many control generations, of which every n-th loses its answer. */
function learned (
  count: number, lostEvery: number, cost: number, { tokens = 40, policy = {} }: { tokens?: number, policy?: PolicyPatch } = {}
): MemoryFold {
  const fold = memoryFold(policy)
  for (let i = 1; i <= count; i++) fold.learn(probed(cost, i % lostEvery === 0, tokens))
  return fold
}

const budgetOf = (state: ContextState, policy: PolicyPatch = {}) => probeBudget(state, policyWith(policy), new Map())

/** The units that no budget limits. */
const FREE = gatheredUnits(policyWith())

t.test('the units that the first span gathers are free', async (t) => {
  t.equal(FREE, 930)
  const fold = learned(FREE - 1, 10, 16)
  t.match(fold.state(), { rule: { control_share: 1, unlikely: null } })
  fold.learn(probed(16, false))
  t.match(fold.state(), { rule: { control_share: 0.02, unlikely: 'accuracy' } })
})

t.test('E9: a look does not make further units free', async (t) => {
  const fold = learned(FREE - 1, 10, 16)
  fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'test' })
  t.match(fold.state(), { epoch: { number: 2 }, rule: { control_share: 1, unlikely: null } })
  for (let i = 1; i <= 60; i++) fold.learn(probed(16, i % 10 === 0))
  t.ok(fold.state().rule.control_share < 1)
  t.not(fold.state().rule.unlikely, null)
})

t.test('only the floor is left where no threshold that saves seems to lose less than the bound', async (t) => {
  t.same(budgetOf(learned(1000, 10, 16).state()), { share: 0, unlikely: 'accuracy' })
  t.same(budgetOf(learned(1000, 10, 16).state(), { max_em_drop: 0.2 }).unlikely, null, 'another bound is another question')
})

t.test('only the floor is left where probes cost more than the threshold saves', async (t) => {
  t.same(budgetOf(learned(1000, 1000, 16, { tokens: 90 }).state()), { share: 0, unlikely: 'probe_cost' })
})

t.test('probes that cost more than stops save are the reason also where stops lose too much', async (t) => {
  t.equal(budgetOf(learned(1000, 10, 16, { tokens: 90 }).state()).unlikely, 'probe_cost')
  t.equal(budgetOf(learned(1000, 10, 5, { tokens: 90 }).state()).unlikely, 'accuracy')
})

t.test('where learning costs more than it would have saved so far, probes may take max_probe_overhead of the tokens', async (t) => {
  const state = learned(1000, 53, 40).state() // 18 lost: without luck it takes thousands more
  const { share, unlikely } = budgetOf(state)
  t.equal(unlikely, 'too_few')
  t.equal(share, 0.02 * 100 / 40)
  t.equal(budgetOf(state, { max_probe_overhead: 0.1 }).share, 0.1 * 100 / 40)
  t.same(budgetOf(state, { max_probe_overhead: 1 }), { share: 1, unlikely: 'too_few' }, 'no limit')
  t.equal(budgetOf(changed(state, { reports: { generations: 1_000_000 } })).unlikely, null, 'on more traffic it is worth its price')
})

t.test('probes that cost nothing need no budget', async (t) => {
  const fold = memoryFold()
  for (let i = 1; i <= 1000; i++) fold.learn(outcomeOf({ steps: [{ ...SURE_STEP, exact_match: i % 10 === 0 ? 0 : 1 }] }))
  t.match(fold.state(), { rule: { control_share: 1, unlikely: 'accuracy' } })
})

t.test('a stated rate is the least share, and a null pin leaves the budget as it is', async (t) => {
  t.equal(learned(1000, 10, 16, { policy: { control_rate: 0.3 } }).state().rule.control_share, 0.3)
  const fold = learned(1000, 10, 16)
  fold.learn({ type: 'pin', key: LEAF, pin: { threshold: null, reason: 'test', by: 'ops', expires_at: null }, by: 'ops', reason: 'test' })
  t.equal(fold.state().rule.control_share, 0.02)
})

t.test('the reason goes when a threshold comes into force, and with the epoch, but the budget stays', async (t) => {
  const fold = learned(1000, 10, 16)
  const certified = changed(fold.state(), { rule: { threshold: 0.9, index: 3 } })
  fold.states.set(LEAF, certified)
  t.equal(moveShare(fold, LEAF, certified, 0).rule.unlikely, null)
  const other = learned(1000, 10, 16)
  other.learn({ type: 'reset', key: LEAF, below: false, by: 'ops', reason: 'test' })
  t.match(other.state(), { rule: { control_share: 0.02 * 100 / 16, unlikely: null } })
})

interface Learned { count: number, lostEvery: number, cost: number, tokens: number, generations: number }

const contexts = fc.record<Learned>({
  count: fc.integer({ min: FREE, max: FREE + 200 }),
  lostEvery: fc.integer({ min: 20, max: 200 }),
  cost: fc.integer({ min: 1, max: 60 }),
  tokens: fc.integer({ min: 10, max: 95 }),
  generations: fc.integer({ min: FREE + 200, max: 100_000 }),
})

/** The state of such a context, with further treated generations. */
const stateOf = ({ count, lostEvery, cost, tokens, generations }: Learned) =>
  (changed(learned(count, lostEvery, cost, { tokens }).state(), { reports: { generations } }))

t.test('while a reason is given, probes never take more than the budget; a larger budget never lowers the share', async (t) => {
  const overheads = fc.double({ min: 0, max: 0.99, noNaN: true })
  holds(t, fc.property(contexts, overheads, overheads, (context, a, b) => {
    const state = stateOf(context)
    const [less, more] = [Math.min(a, b), Math.max(a, b)].map((max_probe_overhead) => budgetOf(state, { max_probe_overhead }))
    const overhead = less!.share * context.cost / 100
    return less!.share <= more!.share && (less!.unlikely === null ? less!.share === 1 : overhead <= Math.min(a, b) + 1e-9)
  }), numRuns(6, 12))
})

t.test('more traffic never takes the worth of learning away', async (t) => {
  holds(t, fc.property(contexts, fc.integer({ min: 1, max: 10 }), (context, times) => {
    const state = stateOf(context)
    return budgetOf(changed(state, { reports: { generations: times * state.reports.generations } })).share >= budgetOf(state).share
  }), numRuns(6, 12))
})

t.test('past the free generations the share is within the budget, unless a threshold is in force or learning is worth its price', async (t) => {
  holds(t, fc.property(contexts, (context) => {
    const { count, lostEvery, cost, tokens } = context
    const state = learned(count, lostEvery, cost, { tokens }).state()
    const within = Math.max(0.02, 0.02 * 100 / cost)
    return state.rule.threshold !== null || state.rule.unlikely === null || state.rule.control_share <= within + 1e-9
  }), numRuns(6, 12))
})
