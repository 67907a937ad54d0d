import t from 'tap'
import { ruleFor } from '../../../src/core/decide/snapshot.js'
import type { Context } from '../../../src/core/policy/context.js'
import { UNREADABLE_POLICY } from '../../../src/core/policy/policy.js'
import { readConfig } from '../../../src/service/config/config.js'
import { emptySnapshot, withoutExpiredPins, loadSnapshot, readSnapshotInputs, unreadableInputs } from '../../../src/service/snapshot/load-snapshot.js'
import { UNREADABLE_PIN } from '../../../src/store/encoding/stored-values.js'
import { certify, CONTEXT, KEY } from '../../certify.js'
import { sendConfirmed } from '../../confirmed.js'
import { build, until } from '../../helper.js'

t.test('pins that have expired are left out', async (t) => {
  const { store } = await build(t)
  const origin = { by: 'ops', reason: 'r' }
  await store.append([
    { type: 'pin', key: '*', pin: { threshold: 0.5, expires_at: null, ...origin }, ...origin },
    { type: 'pin', key: 'model=q', pin: { threshold: 0.5, expires_at: 1000, ...origin }, ...origin },
  ])
  const options = { levels: ['model'], defaultPolicy: { min_tokens: 7 } }
  t.same([...(await readSnapshotInputs(store, options, 999)).pins.keys()].sort(), ['*', 'model=q'])
  const inputs = await readSnapshotInputs(store, options, 1000)
  t.same([...inputs.pins.keys()], ['*'])
  t.match(inputs, options)
})

t.test('damaged policies and pins are named with their contexts', async (t) => {
  const policies = new Map([['*', {}], ['model=a', UNREADABLE_POLICY]])
  const pins = new Map([['model=b', UNREADABLE_PIN]])
  t.same(unreadableInputs({ policies, pins }), ['the policy of model=a', 'the pin of model=b'])
})

const options = { levels: ['model', 'task'], defaultPolicy: readConfig({}).defaultPolicy }

t.test('the snapshot never stops generations before the store has been reached', async (t) => {
  t.match(ruleFor(emptySnapshot(options).snapshot, CONTEXT), { threshold: null, scope: 'none' })
})

t.test('loading changes one by one equals loading everything at once', async (t) => {
  const { store, send, snapshotHolder, ...built } = await build(t)
  let model = await loadSnapshot(store, options, null, await store.revision(), 0)
  for (const step of [
    () => certify({ ...built, send, snapshotHolder }),
    () => sendConfirmed({ send }, 'PUT', '/v1/contexts/*/policy', { certify_at: 'model', mode: 'shadow' }),
    () => certify({ ...built, send, snapshotHolder }, { model: 'q', task: 'other' }),
    () => send('PUT', `/v1/contexts/${encodeURIComponent('model=new')}/pin`, { threshold: 0.9, reason: 'x' }),
    () => send('PUT', `/v1/contexts/${encodeURIComponent('model=new')}/policy`, { min_tokens: 5 }),
    () => send('PUT', `/v1/contexts/${encodeURIComponent('model=q')}/policy`, { min_tokens: 7 }),
    () => send('DELETE', `/v1/contexts/${encodeURIComponent('model=new')}/pin`, { reason: 'x' }),
    () => send('DELETE', `/v1/contexts/${encodeURIComponent('model=new')}/policy`),
    () => sendConfirmed({ send }, 'DELETE', '/v1/contexts/*/policy'),
  ]) {
    await step()
    await until('all is learned', async () => (await store.revision()).lag === 0) // otherwise the second load may see more
    const revision = await store.revision()
    model = await loadSnapshot(store, options, model, revision, 0)
    const whole = await loadSnapshot(store, options, null, revision, 0)
    const contexts: Context[] = [CONTEXT, { model: 'q', task: 'other' }, { model: 'new' }, {}]
    for (const context of contexts) {
      t.strictSame(ruleFor(model.snapshot, context), ruleFor(whole.snapshot, context))
    }
    t.same([...model.links.keys()].sort(), [...whole.links.keys()].sort())
    t.same([...model.inputs.policies], [...whole.inputs.policies])
    t.same([...model.inputs.pins], [...whole.inputs.pins])
  }
  t.equal(ruleFor(model.snapshot, CONTEXT).context, KEY)
})

t.test('after a pin expires, the snapshot is as if there had been none', async (t) => {
  const { store, send, snapshotHolder, ...built } = await build(t)
  await certify({ ...built, send, snapshotHolder })
  const free = await loadSnapshot(store, options, null, await store.revision(), 0)
  await store.append([
    { type: 'pin', key: KEY, pin: { threshold: 0.2, reason: 'r', by: 'ops', expires_at: 1000 }, by: 'ops', reason: 'r' },
    { type: 'pin', key: 'model=new', pin: { threshold: 0.3, reason: 'r', by: 'ops', expires_at: 2000 }, by: 'ops', reason: 'r' },
  ])
  const pinned = await loadSnapshot(store, options, null, await store.revision(), 0)
  t.equal(withoutExpiredPins(pinned, 999), pinned, 'nothing to do')
  const one = withoutExpiredPins(pinned, 1000)
  t.strictSame(ruleFor(one.snapshot, CONTEXT), ruleFor(free.snapshot, CONTEXT))
  t.equal(one.inputs.pins.size, 1)
  t.equal(withoutExpiredPins(one, 2000).inputs.pins.size, 0)
  t.equal(pinned.inputs.pins.size, 2, 'the previous model is unchanged')
})
