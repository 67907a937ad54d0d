import t from 'tap'
import { checkKey, checkKnown, forEachChunk, nearestKeys, readContextKeys, readContexts } from '../../../src/service/admin/context-reader.js'
import { readSnapshotInputs } from '../../../src/service/snapshot/load-snapshot.js'
import { KEY, losslessOutcome } from '../../certify.js'
import { build, until } from '../../helper.js'

t.test('a key must fit the configured levels', async (t) => {
  const config = { levels: ['model', 'task'] }
  for (const key of ['*', 'model=q', 'model=q,task=-']) checkKey(config, key)
  t.throws(() => checkKey(config, 'task=x'), { code: 'INVALID_CONTEXT_KEY', message: /task=x.*model=\.\.\.,task=\.\.\./ })
})

t.test('the nearest keys are those that share most with a mistyped one, in any case of letters', async (t) => {
  const known = ['model=llama-8b', 'model=qwen3-8b', 'model=qwen3-8b,task=aime', 'model=qwen3-8b,task=gsm8k', 'model=r1,task=gsm8k']
  t.equal(nearestKeys('model=Qwen/Qwen3-8B', known)[0], 'model=qwen3-8b')
  t.equal(nearestKeys('model=qwen3-8b,task=gsmk8', known)[0], 'model=qwen3-8b,task=gsm8k')
  t.equal(nearestKeys('model=qewn3-8b,task=aime', known)[0], 'model=qwen3-8b,task=aime')
  t.equal(nearestKeys('model=x', known).length, 3)
  t.same(nearestKeys('model=x', []), [])
})

t.test('a caller that is bound to a prefix sees no key outside it', async (t) => {
  const { store, config } = await build(t)
  const policies = new Map([['model=secret', {}], ['model=q,task=a', {}]])
  const check = (prefix: string | null) => checkKnown(store, config, 'model=q,task=secret', { policies, pins: new Map(), prefix })
  await t.rejects(check('model=q'), { message: /\(nearest known: model=q,task=a;/ })
  await t.rejects(check(null), { message: /model=secret/ })
})

t.test('a context is read with its ancestors and with the pins that have not expired', async (t) => {
  const { store, config, send } = await build(t)
  await send('POST', '/v1/outcomes', losslessOutcome('g'))
  await until('it is learned', async () => (await store.contextKeys()).length === 3)
  const pin = { threshold: 0.5, reason: 'r', by: 'ops' }
  await store.append([
    { type: 'pin', key: '*', pin: { ...pin, expires_at: null }, by: 'ops', reason: 'r' },
    { type: 'pin', key: 'model=old', pin: { ...pin, expires_at: 1 }, by: 'ops', reason: 'r' },
  ])
  const { states, pins, levels } = await readContexts(store, config, [KEY])
  t.same([...states.keys()].sort(), ['*', 'model=q', KEY])
  t.same([...pins.keys()], ['*'])
  t.same(levels, ['model', 'task'])

  const seen: string[] = []
  const inputs = await readSnapshotInputs(store, config, Date.now())
  await forEachChunk(store, config, await readContextKeys(store, config), inputs, ({ states }, chunk) => {
    for (const key of chunk) t.ok(states.has(key))
    seen.push(...chunk)
  })
  t.same(seen.sort(), ['*', 'model=q', KEY])
  t.same(await readContextKeys(store, { ...config, levels: ['task'] }), ['*'], 'those with a place')
})
