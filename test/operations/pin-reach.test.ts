import t from 'tap'
import { pinReach } from '../../src/operations/pin-reach.js'

const keys = ['*', 'model=q', 'model=q,task=a', 'model=q,task=b']
const inputs = { levels: ['model', 'task'], defaultPolicy: {}, policies: new Map(), pins: new Map(), predictors: new Map() }
const pool = { ...inputs, policies: new Map([['model=q', { certify_at: 'model' }]]) }
const pin = { threshold: 0.5, reason: 'r', by: 'ops', expires_at: null }

t.test('a pin of a leaf counts it once it has outcomes, and warns before that', async (t) => {
  t.strictSame(pinReach(inputs, keys, 'model=q,task=a'), { pinned_contexts: 1 })
  t.strictSame(pinReach(inputs, keys, 'model=q,task=typo'), { pinned_contexts: 0, warnings: ['context_unknown'] })
})

t.test('a pin above the leaves holds for the contexts of a pool that have no pin of their own', async (t) => {
  t.strictSame(pinReach(pool, keys, 'model=q'), { pinned_contexts: 2 })
  t.strictSame(pinReach({ ...pool, pins: new Map([['model=q', pin], ['model=q,task=a', pin]]) }, keys, 'model=q'), { pinned_contexts: 1 })
})

t.test('a pin of a pool without outcomes has no warning that it has no effect', async (t) => {
  t.strictSame(pinReach(pool, ['*'], 'model=q'), { pinned_contexts: 0, warnings: ['context_unknown'] })
})

t.test('a pin that holds nowhere gets a warning', async (t) => {
  for (const key of ['*', 'model=q']) t.strictSame(pinReach(inputs, keys, key), { pinned_contexts: 0, warnings: ['pin_without_effect'] })
  const own = new Map([['model=q,task=a', pin], ['model=q,task=b', pin]])
  t.strictSame(pinReach({ ...pool, pins: own }, keys, 'model=q'), { pinned_contexts: 0, warnings: ['pin_without_effect'] })
  t.strictSame(pinReach(inputs, keys, 'model=typo'), { pinned_contexts: 0, warnings: ['context_unknown', 'pin_without_effect'] })
})
