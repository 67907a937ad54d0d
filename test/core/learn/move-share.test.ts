import t from 'tap'
import { controlShare } from '../../../src/core/assignment/arm.js'
import type { ContextState } from '../../../src/core/judgement/context-state.js'
import { suspicion } from '../../../src/core/certificate/drift.js'
import { GRID } from '../../../src/core/certificate/grid.js'
import type { LogEntry } from '../../../src/core/learn/log-entry.js'
import { moveShare } from '../../../src/core/learn/move-share.js'
import { FIRST, KEPT, LEAF, LOST, memoryFold } from './memory-fold.js'

const LAST = GRID.length - 1

t.test('an auto share follows in steps', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  const state = fold.state()
  t.ok(state.control_share < 0.2)
  fold.states.set(LEAF, { ...state, control_share: state.control_share * 1.05 })
  moveShare(fold, LEAF, 70_000)
  t.equal(fold.state().control_share, state.control_share * 1.05, 'a step of less than a tenth waits')
  fold.states.set(LEAF, { ...state, control_share: state.control_share / 2 })
  moveShare(fold, LEAF, 70_000)
  t.equal(fold.state().control_share, state.control_share)
  fold.states.set(LEAF, { ...fold.state(), threshold_index: -1, threshold: null })
  moveShare(fold, LEAF, 150_000)
  t.equal(fold.state().control_share, 1, 'without a threshold everything is control')
})

t.test('a suspicion of breach raises an auto share to a half, until it is calm', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, 3000)
  const calm = fold.state()
  const armsWith = (drop: number) => ({ ...calm.arms, em_contrast: { n: 400, weight: 200, sum: -200 * drop, square: 20 } })
  const shareAt = (drop: number, is_suspected: boolean) => {
    fold.states.set(LEAF, { ...calm, arms: armsWith(drop), is_suspected })
    moveShare(fold, LEAF, 1)
    return fold.state().control_share
  }
  t.ok(calm.control_share < 0.06)
  t.equal(shareAt(0.02, false), calm.control_share)
  t.equal(shareAt(0.06, false), 0.5)
  t.equal(shareAt(0.04, true), 0.5, 'it is held below what raised it')
  t.equal(shareAt(0.04, false), calm.control_share)
  t.ok(shareAt(0.02, true) < 0.06)
})

t.test('an auto share jumps at a suspicion of drift, and stays up while it lasts', async (t) => {
  const fold = memoryFold()
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
  t.ok(moved(fold.state(), { type: 'pin', key: LEAF, pin, by: 'ops', reason: 'test' }) < 0.1, 'a low share is enough under a pin')
})

t.test('a numeric share is followed at once', async (t) => {
  const fold = memoryFold({ control_rate: 0.3 })
  fold.learn(KEPT, 0, FIRST)
  t.equal(fold.state().control_share, 0.3)
  fold.learn({ type: 'policy', key: '*', policy: { control_rate: 0.29 }, by: 'ops' })
  t.equal(fold.state().control_share, 0.29)
})
