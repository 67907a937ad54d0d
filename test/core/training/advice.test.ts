import t from 'tap'
import type { ContextState } from '../../../src/core/learn/context-state.js'
import type { LogEntry } from '../../../src/core/learn/log-entry.js'
import { describeContext } from '../../../src/core/reports/context-report.js'
import { adviceOf, type RunCheckpoint } from '../../../src/core/training/advice.js'
import { FIRST, KEPT, LEAF, memoryFold, type MemoryFold, SPREAD } from '../learn/memory-fold.js'

const opening = { run: 'r', key: 'model=q', step: 20, at: 500 }
const served = [opening]
const checkpoint = (step: number, run = 'r') => ({ type: 'checkpoint', key: 'model=q', run, step, by: 'trainer' }) as const

function seenIn (fold: MemoryFold): { state: ContextState, view: ReturnType<typeof describeContext> } {
  const { levels, defaults } = fold.ledger.configuration
  const { policies, pins } = fold.ledger
  const known = { levels, defaultPolicy: defaults, policies, pins, predictors: fold.predictors, states: fold.states }
  return { state: fold.state(), view: describeContext(known, LEAF) }
}

t.test('the advice is to run in full with little evidence, and to stop early once certified by own evidence', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 0, FIRST)
  fold.learn(checkpoint(20), 1000)
  t.match(adviceOf(opening, LEAF, served, seenIn(fold)), {
    advice: 'run_in_full', reason: 'little_evidence', threshold: null, generations: 0, generations_to_next_certificate: FIRST, epoch: 2, expected: { step: null, tokens_saved_ratio: 0.6 },
  })
  fold.learn(KEPT, 2000, FIRST)
  t.match(adviceOf(opening, LEAF, served, seenIn(fold)), { advice: 'stop_early', reason: 'certified', threshold: Number, tokens_saved_ratio: 0.6, em_drop: 0, generations: FIRST })
})

t.test('evidence of another checkpoint does not count', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT)
  fold.learn(checkpoint(10), 400)
  fold.learn(KEPT, 450, FIRST)
  t.match(adviceOf(opening, LEAF, served, seenIn(fold)), { advice: 'run_in_full', reason: 'not_started', threshold: null, epoch: null }, 'the learner has not processed the checkpoint yet')
  fold.learn(checkpoint(1, 'other'), 600)
  fold.learn(KEPT, 700, FIRST)
  t.match(adviceOf(opening, LEAF, served, seenIn(fold)), { advice: 'run_in_full', reason: 'superseded', threshold: null })
  t.match(adviceOf(opening, LEAF, served), { advice: 'run_in_full', reason: 'not_started' })
})

t.test('a context created after the checkpoint was reported serves it', async (t) => {
  for (const [time, advice] of [[499, 'run_in_full'], [500, 'stop_early']] as const) {
    const fold = memoryFold()
    fold.learn(KEPT, time + SPREAD, FIRST)
    t.match(adviceOf(opening, LEAF, served, seenIn(fold)), { advice })
  }
})

t.test('a pin is not evidence', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 500 + SPREAD, FIRST)
  t.match(adviceOf(opening, LEAF, served, seenIn(fold)), { advice: 'stop_early' })
  fold.learn({ type: 'pin', key: LEAF, pin: { threshold: 0.5, reason: 'x', by: 'ops', expires_at: null }, by: 'ops', reason: 'x' }, 2000)
  t.match(adviceOf(opening, LEAF, served, seenIn(fold)), { advice: 'run_in_full', reason: 'little_evidence', threshold: null })
})

t.test('after a reset no evidence counts for a checkpoint, in any later epoch, until the next checkpoint', async (t) => {
  for (const isMarked of [true, false]) {
    const fold = memoryFold()
    fold.learn(KEPT, isMarked ? 100 : 510)
    if (isMarked) fold.learn(checkpoint(20), 505)
    const after: LogEntry[] = [
      { type: 'reset', key: LEAF, by: 'ops', reason: 'older weights' },
      { type: 'policy', key: LEAF, policy: { min_tokens: 7 }, by: 'ops' },
    ]
    for (const [i, entry] of after.entries()) {
      fold.learn(entry, 1000 * (i + 1))
      fold.learn(KEPT, 1000 * (i + 1) + 1, FIRST)
      t.match(adviceOf(opening, LEAF, served, seenIn(fold)), { advice: 'run_in_full', reason: 'reset', threshold: null, generations: 0 }, entry.type)
    }
    fold.learn(checkpoint(21), 4000)
    t.match(adviceOf({ ...opening, step: 21, at: 4000 }, LEAF, served, seenIn(fold)), { reason: 'little_evidence', generations: 0 })
  }
})

t.test('if two runs name a new context, its evidence is about the checkpoint reported last', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT, 600 + SPREAD, FIRST)
  const other = { run: 'other', key: '*', step: 3, at: 600 }
  t.match(adviceOf(opening, LEAF, [opening, other], seenIn(fold)), { advice: 'run_in_full', reason: 'superseded', threshold: null })
  t.match(adviceOf(other, LEAF, [opening, other], seenIn(fold)), { advice: 'stop_early' })
  t.match(adviceOf(opening, LEAF, [opening, { ...other, at: 500 }], seenIn(fold)), { advice: 'run_in_full' }, 'reported in the same millisecond, the order is unknown')
  t.match(adviceOf(opening, LEAF, [opening, { ...other, at: 499 }], seenIn(fold)), { advice: 'stop_early' }, 'reported before')
  t.match(adviceOf(opening, LEAF, [opening, { ...other, key: 'model=q2' }], seenIn(fold)), { advice: 'stop_early' }, 'it is served elsewhere')
  t.match(adviceOf(opening, LEAF, [opening, { ...opening, key: LEAF, step: 21, at: 501 }], seenIn(fold)), { reason: 'superseded' }, 'another step of this run')
})

t.test('evidence from contexts below counts only if all of them serve this checkpoint', async (t) => {
  const fold = memoryFold()
  fold.learn(KEPT)
  fold.learn(checkpoint(20), 500)
  fold.learn(KEPT, 600, FIRST)
  const parent = () => adviceOf(opening, 'model=q', served, { ...seenIn(fold), state: fold.state('model=q') }, [fold.state()])
  t.match(parent(), { advice: 'stop_early' })
  fold.learn({ ...checkpoint(3, 'other'), key: LEAF }, 700)
  t.match(parent(), { advice: 'run_in_full', reason: 'superseded' })
  fold.learn({ type: 'reset', key: LEAF, by: 'ops', reason: 'older weights' }, 800)
  t.match(parent(), { advice: 'run_in_full', reason: 'reset' })
})

t.test('evidence from below does not count if another checkpoint was reported there since', async (t) => {
  const fold = memoryFold()
  fold.learn(checkpoint(20), 500)
  fold.learn(KEPT, 600, FIRST)
  const other = { run: 'other', key: LEAF, step: 3, at: 550 }
  const parent = (all: readonly RunCheckpoint[]) => adviceOf(opening, 'model=q', all, { ...seenIn(fold), state: fold.state('model=q') }, [fold.state()])
  t.match(parent([opening]), { advice: 'stop_early' })
  t.match(parent([opening, other]), { advice: 'run_in_full', reason: 'superseded', threshold: null })
  t.match(parent([opening, { ...opening, key: LEAF, step: 21, at: 550 }]), { advice: 'run_in_full', reason: 'superseded' }, 'another step of this run')
  t.match(parent([opening, { ...other, at: 499 }]), { advice: 'stop_early' }, 'reported before, and replaced by this one')
  t.match(parent([opening, { ...other, key: 'model=q2' }]), { advice: 'stop_early' }, 'it is served elsewhere')
})
