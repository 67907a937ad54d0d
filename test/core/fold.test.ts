import t from 'tap'
import { controlShare } from '../../src/core/arm.js'
import type { ContextState } from '../../src/core/context-state.js'
import { suspicion } from '../../src/core/drift.js'
import { forceOf, moveShare, policyOf, write } from '../../src/core/fold.js'
import { GRID } from '../../src/core/grid.js'
import type { LogEntry } from '../../src/core/log-entry.js'
import { FIRST, KEPT, LEAF, LOST, memoryFold, outcomeOf, policyWith } from './memory-fold.js'

const LAST = GRID.length - 1

t.test('policyOf is of these policies and this configuration, however often it was asked', async (t) => {
  const fold = memoryFold()
  const { ledger } = fold
  t.equal(policyOf(ledger, LEAF).max_em_drop, 0.02)
  t.equal(policyOf(ledger, LEAF), policyOf(ledger, LEAF), 'remembered')
  t.equal(policyOf({ ...ledger, policies: new Map([['model=q', { max_em_drop: 0.05 }]]) }, LEAF).max_em_drop, 0.05)
  const configuration = { ...ledger.configuration, defaults: { max_em_drop: 0.01 } }
  t.equal(policyOf({ ...ledger, configuration }, LEAF).max_em_drop, 0.01, 'other defaults with the very same policies')
  t.equal(policyOf(ledger, LEAF).max_em_drop, 0.02)
})

t.test('policyOf does not remember every context that outcomes name', async (t) => {
  const { ledger } = memoryFold({}, { max_contexts: 8 })
  const policy = policyOf(ledger, LEAF)
  for (let i = 0; i < 16; i++) policyOf(ledger, `model=q,task=flood-${i}`)
  t.not(policyOf(ledger, LEAF), policy)
  t.same(policyOf(ledger, LEAF), policy)
})

t.test('write stores the threshold that the evidence certifies, and notes moves only', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  const state = fold.state()
  fold.changes.length = 0

  write(fold, LEAF, { ...state, updated_at: 5 }, policyWith(), 5, 'evidence', true)
  t.strictSame(fold.changes, [], 'nothing moved')
  t.equal(fold.state().updated_at, 5)

  write(fold, LEAF, { ...state, halves: [state.halves[1], state.halves[1]] }, policyWith(), 6, 'evidence', false)
  t.equal(fold.state().threshold_index, LAST, 'not asked to look')
  write(fold, LEAF, { ...state, halves: [state.halves[1], state.halves[1]] }, policyWith(), 6, 'evidence', true)
  t.equal(fold.state().threshold_index, -1)
  t.strictSame(fold.changes, [{ time: 6, key: LEAF, cause: 'evidence', epoch: 1, before: GRID[LAST], after: null }])
})

t.test('a certificate ends the recovery from drift or reset', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT)
  fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'test' })
  fold.learn(KEPT, 0, FIRST - 1)
  t.ok(fold.state().is_recovering)
  fold.learn(KEPT)
  t.match(fold.state(), { is_recovering: false, threshold_index: LAST })
})

t.test('forceOf sees the chain as the learner has it: pins, ancestors, recovery', async (t) => {
  const fold = memoryFold({ fallback: 'parent' })
  fold.learn(KEPT, 0, FIRST)
  t.match(forceOf(fold, LEAF, 0), { threshold: GRID[LAST], scope: 'own', isPinned: false, leaf: { key: LEAF, generations: FIRST } })
  t.match(forceOf(fold, 'model=q,task=new', 0), { threshold: GRID[LAST], scope: 'parent', source: { key: 'model=q' } })
  fold.learn({ type: 'reset', key: 'model=q', by: 'ops', reason: 'test' })
  t.match(forceOf(fold, 'model=q,task=new', 0), { threshold: null, scope: 'none' }, 'not past a parent that was reset')
  fold.learn({ type: 'pin', key: LEAF, pin: { threshold: 0.5, reason: 'test', by: 'ops', expires_at: null }, by: 'ops', reason: 'test' })
  t.match(forceOf(fold, LEAF, 0), { threshold: 0.5, scope: 'own', isPinned: true })
})

t.test('moveShare follows the share in steps, and lets count only what is control under the shares before and after', async (t) => {
  const fold = memoryFold({ settle_seconds: 60 })
  fold.learn(KEPT, 0)
  fold.learn(KEPT, 60_000, FIRST)
  const state = fold.state()
  t.ok(state.control_share < 0.2)
  t.match(state, { settles_at: 60_000, narrows_until: 120_000, narrow_share: state.control_share }, 'it fell')

  fold.states.set(LEAF, { ...state, control_share: state.control_share * 1.05 })
  moveShare(fold, LEAF, 70_000)
  t.equal(fold.state().control_share, state.control_share * 1.05, 'a step of less than a tenth waits')

  fold.states.set(LEAF, { ...state, control_share: state.control_share / 2 })
  t.match(moveShare(fold, LEAF, 70_000), { threshold: GRID[LAST] }, 'and it says what is in force')
  t.match(fold.state(), {
    control_share: state.control_share, settles_at: 60_000, narrows_until: 130_000, narrow_share: state.control_share / 2,
  }, 'it rose: nobody settles while a threshold is in force and has to be watched')
  fold.states.set(LEAF, { ...fold.state(), control_share: 0.05 })
  moveShare(fold, LEAF, 80_000)
  t.match(fold.state(), { narrows_until: 140_000, narrow_share: 0.05 }, 'the lowest of the shares under which generations still run')
  fold.states.set(LEAF, { ...fold.state(), control_share: 0.06 })
  moveShare(fold, LEAF, 140_000)
  t.match(fold.state(), { narrows_until: 200_000, narrow_share: 0.06 }, 'those begun at the shares before are gone')

  fold.states.set(LEAF, { ...fold.state(), threshold_index: -1, settles_at: 999_000 })
  moveShare(fold, LEAF, 150_000)
  t.match(fold.state(), { control_share: 1, settles_at: 999_000 }, 'without a threshold it settles again, never sooner than it would have')
})

t.test('an auto share jumps at a suspicion of drift, and stays up while it lasts', async (t) => {
  const fold = memoryFold({ settle_seconds: 10 })
  fold.learn(KEPT, 0)
  fold.learn(KEPT, 10_000, 300)
  fold.learn(KEPT, 20_000, 2700)
  fold.learn(KEPT, 40_000, 100)
  const { control_share: calm, generations, drift } = fold.state()
  t.ok(calm > 0.04 && calm < 0.07, `${calm}`)
  fold.learn(LOST, 50_000)
  t.equal(fold.state().control_share, calm, 'one lost answer is no suspicion')
  fold.learn(LOST, 50_000)
  const suspected = fold.state()
  t.ok(suspicion(suspected.drift) >= 2)
  t.equal(suspected.threshold_index, LAST, 'the evidence still holds')
  const wanted = controlShare('auto', suspected.guarantee!.tokens_saved_ratio, generations + 2)
  t.ok(suspected.control_share > 8 * wanted && suspected.control_share <= 10 * wanted, `${calm} became ${suspected.control_share}`)
  fold.learn(KEPT, 59_999, 500)
  t.equal(fold.state().control_share, suspected.control_share, 'it moves no more until those begun before have ended')
  fold.learn(KEPT, 60_000)
  t.ok(fold.state().control_share < calm, 'the suspicion is gone')

  const moved = (state: ContextState, other?: LogEntry) => {
    fold.states.set(LEAF, state)
    if (other !== undefined) fold.learn(other, 100_000)
    moveShare(fold, LEAF, 100_000)
    return fold.state().control_share
  }
  t.equal(moved({ ...suspected, drift }, { type: 'policy', key: '*', policy: { control_rate: 0.3 }, by: 'ops' }), 0.3)
  t.equal(moved({ ...suspected, drift: [9000, 9000, 9000] }), 0.3, 'a numeric share is what it is')
  t.ok(moved({ ...suspected, drift: [9000, 9000, 9000] }, { type: 'policy', key: '*', policy: null, by: 'ops' }) > 0.3)
  const pin = { threshold: 0.9, reason: 'test', by: 'ops', expires_at: null }
  t.ok(moved(fold.state(), { type: 'pin', key: LEAF, pin, by: 'ops', reason: 'test' }) < 0.1, 'nor does a pin care')
})

t.test('a numeric share is followed at once', async (t) => {
  const fold = memoryFold({ control_rate: 0.3 })
  fold.learn(KEPT, 0, FIRST)
  t.equal(fold.state().control_share, 0.3)
  fold.learn({ type: 'policy', key: '*', policy: { control_rate: 0.29 }, by: 'ops' })
  t.equal(fold.state().control_share, 0.29)
})

t.test('a change takes effect when it is committed, not when it was asked for: a learner that is behind settles later', async (t) => {
  for (const [now, settles] of [[0, 61_000], [1000, 61_000], [400_000, 460_000]] as const) {
    const fold = Object.assign(memoryFold({ settle_seconds: 60 }), { now })
    fold.learn(KEPT, 0)
    fold.learn({ type: 'reset', key: LEAF, reason: 'test', by: 'test' }, 1000)
    t.equal(fold.state().settles_at, settles, `learned at ${now}`)
  }
  const first = Object.assign(memoryFold({ settle_seconds: 60 }), { now: 400_000 })
  first.learn(KEPT, 0)
  t.equal(first.state().settles_at, 60_000, 'before its first outcome nothing was in force')
  const replay = Object.assign(memoryFold(), { now: 400_000 })
  replay.learn(KEPT, 0)
  t.equal(replay.state().settles_at, 0, 'settling in no time is settling in no time')
})

t.test('a pin ends by itself at its time, as it does in replicas, however far the learner is behind its removal', async (t) => {
  const fold = memoryFold({ control_rate: 0.05 })
  fold.learn(KEPT, 0, FIRST)
  fold.learn({ type: 'pin', key: LEAF, pin: { threshold: null, reason: 'test', by: 'ops', expires_at: 1000 }, by: 'ops', reason: 'test' }, 500)
  fold.learn(outcomeOf({ arm: null, u: 0.5 }), 999)
  t.match(fold.state(), { control_share: 1, labelled: FIRST + 1 }, 'pinned: all are control')
  fold.learn(outcomeOf({ arm: null, u: 0.5 }), 1000)
  t.match(fold.state(), { control_share: 0.05, labelled: FIRST + 1, unknown_arm: 1 }, 'not a treated one that ran to its end')
})
