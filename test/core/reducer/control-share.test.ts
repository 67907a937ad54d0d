import t from 'tap'
import { suspicion } from '../../../src/core/certificate/drift.js'
import { GRID } from '../../../src/core/certificate/thresholds.js'
import type { ContextState } from '../../../src/core/contexts/context-state.js'
import { NO_GRADER } from '../../../src/core/contexts/grader.js'
import { moveShare } from '../../../src/core/reducer/control-share.js'
import type { LogEntry } from '../../../src/core/reducer/log-entry.js'
import { FIRST, KEPT, LEAF, LOST, memoryFold, outcomeOf } from './memory-fold.js'

const LAST = GRID.length - 1

/** Every threshold stops late, and the loosest stops early, where it may lose the answer. */
const LOOSE_SAVES_MORE = (isLost: boolean) => outcomeOf({
  steps: [{ tokens: 10, confidence: GRID[LAST]!, exact_match: isLost ? 0 : 1 }, { tokens: 90, confidence: 1, exact_match: 1 }],
})

t.test('an auto share is 1 without a threshold, a half while learning is worth its price, and otherwise the floor', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST - 1)
  t.equal(fold.state().control_share, 1, 'nothing is in force')
  fold.learn(KEPT)
  t.equal(fold.state().control_share, 0.02, 'every threshold saves the same: there is nothing to learn')
  fold.states.set(LEAF, { ...fold.state(), threshold_index: -1, threshold: null })
  moveShare(fold, LEAF, fold.state(), 0)
  t.equal(fold.state().control_share, 1, 'without a threshold everything is control')

  const other = memoryFold()
  for (let i = 0; i < 300; i++) other.learn(LOOSE_SAVES_MORE(i === 0))
  other.states.set(LEAF, { ...other.state(), threshold_index: LAST - 1, certified: LAST - 1 })
  moveShare(other, LEAF, other.state(), 0)
  t.equal(other.state().control_share, 0.5, 'the loosest threshold would save more, and is nearly certified')
})

t.test('where the policy moves as it is trained, a fifth stays control', async (t) => {
  const shareOf = (checkpoint: ContextState['checkpoint']) => {
    const fold = memoryFold()
    fold.learn(KEPT, 0, FIRST - 1)
    fold.learn(KEPT)
    fold.states.set(LEAF, { ...fold.state(), checkpoint })
    moveShare(fold, LEAF, fold.state(), 0)
    return fold.state().control_share
  }
  const served = { run: 'r', step: 100, expected: null }
  t.equal(shareOf({ ...served, since: 50 }), 0.2)
  t.equal(shareOf(served), 0.02, 'a checkpoint that began an epoch is one model')
})

t.test('an auto share is at the floor while more evidence would put no threshold in force', async (t) => {
  const shareOf = (changes: Partial<ContextState>) => {
    const fold = memoryFold()
    fold.learn(KEPT, 0, FIRST - 1)
    fold.states.set(LEAF, { ...fold.state(), ...changes })
    moveShare(fold, LEAF, fold.state(), 0)
    return fold.state().control_share
  }
  const hold = { breaches: 1, until: 1e9, is_over: false }
  t.equal(shareOf({ grader: { ...NO_GRADER, was_blind: true } }), 0.02, 'grades mean nothing')
  t.equal(shareOf({ hold }), 1, 'nothing is certified for the time after the hold')
  t.equal(shareOf({ hold, certified: 3 }), 0.02)
  t.equal(shareOf({ hold: { ...hold, is_over: true }, certified: 3 }), 1)
})

t.test('a suspicion of breach raises an auto share tenfold, until it is calm', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, 3000)
  const calm = fold.state()
  const shareAt = (evidence: number, is_suspected: boolean) => {
    fold.states.set(LEAF, { ...calm, fidelity: { ...calm.fidelity, detector: calm.fidelity.detector.map(() => evidence) }, is_suspected })
    moveShare(fold, LEAF, fold.state(), 1)
    return fold.state().control_share
  }
  t.equal(calm.control_share, 0.02)
  t.equal(shareAt(9, false), 0.02)
  t.equal(shareAt(10, false), 0.2)
  t.equal(shareAt(2, true), 0.2, 'it is held below what raised it')
  t.equal(shareAt(1, true), 0.02)
})

t.test('a suspicion of breach leaves half of the generations treated, since only they can settle it', async (t) => {
  const fold = memoryFold()
  for (let i = 0; i < 300; i++) fold.learn(LOOSE_SAVES_MORE(i === 0))
  const learning = { ...fold.state(), threshold_index: LAST - 1, certified: LAST - 1 }
  const shareOf = (state: ContextState) => {
    fold.states.set(LEAF, state)
    return moveShare(fold, LEAF, state, 0).control_share
  }
  t.equal(shareOf(learning), 0.5)
  const breach = { ...learning, fidelity: { ...learning.fidelity, detector: [100, 100, 100] } }
  t.equal(shareOf(breach), 0.5)
  t.equal(shareOf({ ...breach, drift: [1.2, 1.2, 1.2] }), 0.5, 'a drift mean that only holds a raised share does not raise it')
  t.equal(shareOf({ ...learning, drift: [100, 100, 100] }), 1)
})

t.test('an auto share jumps at a suspicion of drift, and stays up while it lasts', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, 3000)
  const { control_share: calm, drift } = fold.state()
  t.equal(calm, 0.02)
  fold.learn(LOST, 50_000)
  t.equal(fold.state().control_share, calm, 'one lost answer is no suspicion')
  fold.learn(LOST, 50_000)
  const suspected = fold.state()
  t.ok(suspicion(suspected.drift) >= 2)
  t.equal(suspected.threshold_index, LAST, 'the evidence still holds')
  t.equal(suspected.control_share, 0.2, 'ten times the share')
  fold.learn(KEPT, 60_000, 500)
  t.equal(fold.state().control_share, calm, 'the suspicion is gone')

  const moved = (state: ContextState, other?: LogEntry) => {
    fold.states.set(LEAF, state)
    if (other !== undefined) fold.learn(other, 100_000)
    moveShare(fold, LEAF, fold.state(), 100_000)
    return fold.state().control_share
  }
  t.equal(moved({ ...suspected, drift }, { type: 'policy', key: '*', policy: { control_rate: 0.3 }, by: 'ops' }), 0.3)
  t.equal(moved({ ...suspected, drift: [9000, 9000, 9000] }), 0.3, 'a numeric share is what it is')
  t.equal(moved({ ...suspected, drift: [9000, 9000, 9000] }, { type: 'policy', key: '*', policy: null, by: 'ops' }), 0.2)
  const pin = { threshold: 0.9, reason: 'test', by: 'ops', expires_at: null }
  t.equal(moved(fold.state(), { type: 'pin', key: LEAF, pin, by: 'ops', reason: 'test' }), 0.02, 'the least share is enough under a pin')
})

t.test('a numeric share is followed at once', async (t) => {
  const fold = memoryFold({ control_rate: 0.3 })
  fold.learn(KEPT, 0, FIRST)
  t.equal(fold.state().control_share, 0.3)
  fold.learn({ type: 'policy', key: '*', policy: { control_rate: 0.29 }, by: 'ops' })
  t.equal(fold.state().control_share, 0.29)
})
