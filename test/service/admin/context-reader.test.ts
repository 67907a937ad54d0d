import t from 'tap'
import { checkKey, forEachChunk, readContextKeys, readContexts } from '../../../src/service/admin/context-reader.js'
import { readSnapshotInputs } from '../../../src/service/snapshot/load-snapshot.js'
import { KEY, losslessOutcome } from '../../certify.js'
import { build, until } from '../../helper.js'

t.test('a key must fit the configured levels', async (t) => {
  const config = { levels: ['model', 'task'] }
  for (const key of ['*', 'model=q', 'model=q,task=-']) checkKey(config, key)
  t.throws(() => checkKey(config, 'task=x'), { code: 'INVALID_CONTEXT_KEY', message: /task=x.*model=\.\.\.,task=\.\.\./ })
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
