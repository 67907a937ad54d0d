import t from 'tap'
import { cadenceAt } from '../../../src/core/learn/threshold-in-force.js'
import { LEAF, memoryFold, outcomeOf } from './memory-fold.js'

const AUTO = { check_every_tokens: 'auto' as const }
const PROBED = outcomeOf({ asked_tokens: 16, probe_tokens: 16 })

t.test('control generations set the distance of checks, in the epoch that is', async (t) => {
  const fold = memoryFold(AUTO)
  fold.learn({ ...PROBED, arm: 'treated', u: 0.9 }, 0, 20)
  fold.learn({ ...PROBED, steps: null, steps_complete: false }, 0, 20)
  fold.learn(PROBED, 0, 3)
  t.match(fold.state(), { epoch: { number: 1 }, probes: { distance: { tokens: 16, generations: 3 } } })
  fold.learn(PROBED)
  t.match(fold.state(), { epoch: { number: 1, meaning: { check_every_tokens: 'auto' } }, probes: { distance: { tokens: 128 } } })
  t.equal(fold.changes.length, 0)
})

t.test('they are counted while the policy states a number, so that "auto" has its number at once', async (t) => {
  const fold = memoryFold()
  fold.learn(PROBED, 0, 4)
  fold.learn({ type: 'policy', key: LEAF, policy: AUTO, by: 'ops' })
  t.match(fold.state(), { epoch: { number: 2, cause: 'policy' }, probes: { distance: { tokens: 128 } } })
  fold.learn({ type: 'reset', key: LEAF, below: false, by: 'ops', reason: 'test' })
  t.match(fold.state(), { epoch: { number: 3 }, probes: { distance: { tokens: 16, generations: 0 } } }, 'it may be another model')
})

t.test('under "auto" the learner expects the checks of a leaf at the distance of its pool, as replicas serve it', async (t) => {
  const fold = memoryFold({ certify_at: 'model', check_every_tokens: 64 })
  fold.learn(PROBED, 0, 4)
  fold.learn({ type: 'policy', key: LEAF, policy: AUTO, by: 'ops' })
  t.equal(cadenceAt(fold, LEAF, fold.state('model=q')).checkEveryTokens, 128)
})

t.test('in a pool, the probes of all its contexts count', async (t) => {
  const fold = memoryFold({ ...AUTO, certify_at: 'model' })
  for (const task of ['a', 'b']) fold.learn({ ...PROBED, context: { model: 'q', task } }, 0, 2)
  t.match(fold.state('model=q').probes.distance, { tokens: 128, generations: 4 })
  t.equal(fold.state('model=q,task=a').probes.distance.generations, 0)
})
