import t from 'tap'
import { suspicion } from '../../../src/core/guards/detector.js'
import { GRID } from '../../../src/core/decide/grid.js'
import type { ContextState } from '../../../src/core/learn/context-state.js'
import { NO_GRADER } from '../../../src/core/evidence/grader.js'
import { moveShare } from '../../../src/core/learn/control-share.js'
import type { LogEntry } from '../../../src/core/learn/log-entry.js'
import { FIRST, KEPT, LEAF, LOST, memoryFold, outcomeOf } from './memory-fold.js'
import { changed, type Changes } from '../../changed-state.js'

const LAST = GRID.length - 1

/** Every threshold stops late, and the loosest stops early, where it may lose the answer. */
const LOOSE_SAVES_MORE = (isLost: boolean) => outcomeOf({
  steps: [{ tokens: 10, confidence: GRID[LAST]!, exact_match: isLost ? 0 : 1 }, { tokens: 90, confidence: 1, exact_match: 1 }],
})

t.test('an auto share is 1 without a threshold, a half while learning is worth its price, and otherwise the floor', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST - 1)
  t.equal(fold.state().rule.control_share, 1, 'nothing is in force')
  fold.learn(KEPT)
  t.equal(fold.state().rule.control_share, 0.02, 'every threshold saves the same: there is nothing to learn')
  fold.states.set(LEAF, changed(fold.state(), { rule: { index: -1, threshold: null } }))
  moveShare(fold, LEAF, fold.state(), 0)
  t.equal(fold.state().rule.control_share, 1, 'without a threshold everything is control')

  const other = memoryFold()
  for (let i = 0; i < 300; i++) other.learn(LOOSE_SAVES_MORE(i === 0))
  other.states.set(LEAF, changed(other.state(), { rule: { index: LAST - 1 }, evidence: { certified: LAST - 1 } }))
  moveShare(other, LEAF, other.state(), 0)
  t.equal(other.state().rule.control_share, 0.5, 'the loosest threshold would save more, and is nearly certified')
})

t.test('where the policy moves as it is trained, a fifth stays control', async (t) => {
  const shareOf = (checkpoint: ContextState['checkpoint']) => {
    const fold = memoryFold()
    fold.learn(KEPT, 0, FIRST - 1)
    fold.learn(KEPT)
    fold.states.set(LEAF, { ...fold.state(), checkpoint })
    moveShare(fold, LEAF, fold.state(), 0)
    return fold.state().rule.control_share
  }
  const served = { run: 'r', step: 100, expected: null }
  t.equal(shareOf({ ...served, since: 50 }), 0.2)
  t.equal(shareOf(served), 0.02, 'a checkpoint that began an epoch is one model')
})

t.test('an auto share is at the floor while more evidence would put no threshold in force', async (t) => {
  const shareOf = (changes: Changes) => {
    const fold = memoryFold()
    fold.learn(KEPT, 0, FIRST - 1)
    fold.states.set(LEAF, changed(fold.state(), changes))
    moveShare(fold, LEAF, fold.state(), 0)
    return fold.state().rule.control_share
  }
  const hold = { breaches: 1, until: 1e9, is_over: false }
  t.equal(shareOf({ reports: { grader: { ...NO_GRADER, differing: [[30, 0]], unchanged: 30 } } }), 0.02, 'grades mean nothing')
  t.equal(shareOf({ guards: { hold } }), 1, 'nothing is certified for the time after the hold')
  t.equal(shareOf({ guards: { hold }, evidence: { certified: 3 } }), 0.02)
  t.equal(shareOf({ guards: { hold: { ...hold, is_over: true } }, evidence: { certified: 3 } }), 1)
})

t.test('a suspicion of breach raises an auto share tenfold, until it is calm', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, 3000)
  const calm = fold.state()
  const shareAt = (evidence: number, is_suspected: boolean) => {
    const { fidelity } = calm.guards
    const detector = fidelity.detector.map(() => evidence)
    fold.states.set(LEAF, changed(calm, { guards: { fidelity: { ...fidelity, detector }, is_suspected } }))
    moveShare(fold, LEAF, fold.state(), 1)
    return fold.state().rule.control_share
  }
  t.equal(calm.rule.control_share, 0.02)
  t.equal(shareAt(99, false), 0.02)
  t.equal(shareAt(100, false), 0.2)
  t.equal(shareAt(2, true), 0.2, 'it is held below what raised it')
  t.equal(shareAt(1, true), 0.02)
})

t.test('a suspicion leaves half of the generations treated, since only they can settle one of breach', async (t) => {
  const fold = memoryFold()
  for (let i = 0; i < 300; i++) fold.learn(LOOSE_SAVES_MORE(i === 0))
  const learning = changed(fold.state(), { rule: { index: LAST - 1 }, evidence: { certified: LAST - 1 } })
  const shareOf = (state: ContextState) => {
    fold.states.set(LEAF, state)
    return moveShare(fold, LEAF, state, 0).rule.control_share
  }
  t.equal(shareOf(learning), 0.5)
  const breach = changed(learning, { guards: { fidelity: { ...learning.guards.fidelity, detector: [100, 100, 100] } } })
  t.equal(shareOf(breach), 0.5)
  t.equal(shareOf(changed(learning, { guards: { drift: [100, 100, 100] } })), 0.5)
})

t.test('an auto share jumps at a suspicion of drift, and stays up while it lasts', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, 3000)
  const { rule: { control_share: calm }, guards: { drift } } = fold.state()
  t.equal(calm, 0.02)
  fold.learn(LOST, 50_000)
  t.equal(fold.state().rule.control_share, calm, 'one lost answer is no suspicion')
  fold.learn(LOST, 50_000)
  const suspected = fold.state()
  t.ok(suspicion(suspected.guards.drift) >= 2)
  t.equal(suspected.rule.index, LAST, 'the evidence still holds')
  t.equal(suspected.rule.control_share, 0.2, 'ten times the share')
  fold.learn(KEPT, 60_000, 500)
  t.equal(fold.state().rule.control_share, calm, 'the suspicion is gone')

  const moved = (state: ContextState, other?: LogEntry) => {
    fold.states.set(LEAF, state)
    if (other !== undefined) fold.learn(other, 100_000)
    moveShare(fold, LEAF, fold.state(), 100_000)
    return fold.state().rule.control_share
  }
  t.equal(moved(changed(suspected, { guards: { drift } }), { type: 'policy', key: '*', policy: { control_rate: 0.3 }, by: 'ops' }), 0.3)
  t.equal(moved(changed(suspected, { guards: { drift: [9000, 9000, 9000] } })), 0.3, 'a numeric share is what it is')
  t.equal(moved(changed(suspected, { guards: { drift: [9000, 9000, 9000] } }), { type: 'policy', key: '*', policy: null, by: 'ops' }), 0.2)
  const pin = { threshold: 0.9, reason: 'test', by: 'ops', expires_at: null }
  t.equal(moved(fold.state(), { type: 'pin', key: LEAF, pin, by: 'ops', reason: 'test' }), 0.02, 'the least share is enough under a pin')
})

t.test('a numeric share is followed at once', async (t) => {
  const fold = memoryFold({ control_rate: 0.3 })
  fold.learn(KEPT, 0, FIRST)
  t.equal(fold.state().rule.control_share, 0.3)
  fold.learn({ type: 'policy', key: '*', policy: { control_rate: 0.29 }, by: 'ops' })
  t.equal(fold.state().rule.control_share, 0.29)
})
