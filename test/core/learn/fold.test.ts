import t from 'tap'
import { forceOf, policyOf, write } from '../../../src/core/learn/fold.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import { FIRST, KEPT, LEAF, memoryFold, outcomeOf, policyWith } from './memory-fold.js'

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
