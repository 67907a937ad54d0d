import t from 'tap'
import { forceOf, moveShare, policyOf, write } from '../../src/core/fold.js'
import { GRID } from '../../src/core/grid.js'
import { FIRST, KEPT, LEAF, memoryFold, policyWith } from './memory-fold.js'

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
  t.match(forceOf(fold, LEAF), { threshold: GRID[LAST], scope: 'own', isPinned: false, leaf: { key: LEAF, generations: FIRST } })
  t.match(forceOf(fold, 'model=q,task=new'), { threshold: GRID[LAST], scope: 'parent', source: { key: 'model=q' } })
  fold.learn({ type: 'reset', key: 'model=q', by: 'ops', reason: 'test' })
  t.match(forceOf(fold, 'model=q,task=new'), { threshold: null, scope: 'none' }, 'not past a parent that was reset')
  fold.learn({ type: 'pin', key: LEAF, pin: { threshold: 0.5, reason: 'test', by: 'ops', expires_at: null }, by: 'ops', reason: 'test' })
  t.match(forceOf(fold, LEAF), { threshold: 0.5, scope: 'own', isPinned: true })
})

t.test('moveShare follows the share in steps and settles on a rise', async (t) => {
  const fold = memoryFold({ settle_seconds: 60 })
  fold.learn(KEPT, 0)
  fold.learn(KEPT, 60_000, FIRST)
  const state = fold.state()
  t.ok(state.control_share < 0.2)
  t.equal(state.settles_at, 60_000, 'falling does not settle')

  fold.states.set(LEAF, { ...state, control_share: state.control_share * 1.05 })
  moveShare(fold, LEAF, 70_000)
  t.equal(fold.state().control_share, state.control_share * 1.05, 'a step of less than a tenth waits')

  fold.states.set(LEAF, { ...state, control_share: state.control_share / 2 })
  t.match(moveShare(fold, LEAF, 70_000), { threshold: GRID[LAST] }, 'and it says what is in force')
  t.match(fold.state(), { control_share: state.control_share, settles_at: 130_000 })

  fold.states.set(LEAF, { ...state, control_share: state.control_share / 2, settles_at: 999_000 })
  moveShare(fold, LEAF, 70_000)
  t.equal(fold.state().settles_at, 999_000, 'never sooner than it was')
})

t.test('a numeric share is followed at once', async (t) => {
  const fold = memoryFold({ control_rate: 0.3 })
  fold.learn(KEPT, 0, FIRST)
  t.equal(fold.state().control_share, 0.3)
  fold.learn({ type: 'policy', key: '*', policy: { control_rate: 0.29 }, by: 'ops' })
  t.equal(fold.state().control_share, 0.29)
})
