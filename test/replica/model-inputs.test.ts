import t from 'tap'
import { UNREADABLE_POLICY } from '../../src/core/policy/policy.js'
import { readModelInputs, unreadableInputs } from '../../src/replica/model-inputs.js'
import { UNREADABLE_PIN } from '../../src/store/encoding/stored-values.js'
import { build } from '../helper.js'

t.test('pins that have expired are left out', async (t) => {
  const { store } = await build(t)
  const origin = { by: 'ops', reason: 'r' }
  await store.append([
    { type: 'pin', key: '*', pin: { threshold: 0.5, expires_at: null, ...origin }, ...origin },
    { type: 'pin', key: 'model=q', pin: { threshold: 0.5, expires_at: 1000, ...origin }, ...origin },
  ])
  const options = { levels: ['model'], defaultPolicy: { min_tokens: 7 } }
  t.same([...(await readModelInputs(store, options, 999)).pins.keys()].sort(), ['*', 'model=q'])
  const inputs = await readModelInputs(store, options, 1000)
  t.same([...inputs.pins.keys()], ['*'])
  t.match(inputs, options)
})

t.test('damaged policies and pins are named with their contexts', async (t) => {
  const policies = new Map([['*', {}], ['model=a', UNREADABLE_POLICY]])
  const pins = new Map([['model=b', UNREADABLE_PIN]])
  t.same(unreadableInputs({ policies, pins }), ['the policy of model=a', 'the pin of model=b'])
})
