import t from 'tap'
import { ANYBODY } from '../../src/access/context-access.js'
import { createBundleServer } from '../../src/decisions/serve-bundle.js'
import { snapshotOf } from '../core/decide/snapshot-of.js'

const service = { snapshot: () => SNAPSHOT, onMove: () => () => {}, freshness: () => 'fresh' as const }
const SNAPSHOT = snapshotOf({ 'model=q': { index: 3 } })
const config = { levels: ['model', 'task'] }
const onDisconnect = (): void => {}

t.test('a caller that has the bundle is told so, also by a weak tag among others', async (t) => {
  const { get } = createBundleServer({ config, service })
  const { bundle, isKnown } = await get({ onDisconnect }, ANYBODY)
  t.notOk(isKnown)
  t.ok((await get({ onDisconnect, ifNoneMatch: `"other", W/${bundle.etag}` }, ANYBODY)).isKnown)
})

t.test('a prefix is refused where it is no context key or belongs to others', async (t) => {
  const { get } = createBundleServer({ config, service })
  await t.rejects(get({ onDisconnect, prefix: 'colour=red' }, ANYBODY), { code: 'INVALID_CONTEXT_KEY' })
  await t.rejects(get({ onDisconnect, prefix: 'model=r' }, { tokenName: 'tenant', tokenPrefix: 'model=q' }), { code: 'FORBIDDEN' })
})

t.test('no bundle is served from a model that is too old', async (t) => {
  const { get } = createBundleServer({ config, service: { ...service, freshness: () => 'too_old' as const } })
  await t.rejects(get({ onDisconnect }, ANYBODY), { code: 'MODEL_TOO_OLD' })
})

t.test('closing ends waits, and a closed connection ends its own', async (t) => {
  const server = createBundleServer({ config, service })
  const { bundle: { etag: ifNoneMatch } } = await server.get({ onDisconnect }, ANYBODY)
  let disconnect = onDisconnect
  const left = server.get({ ifNoneMatch, waitSeconds: 60, onDisconnect: (listener) => { disconnect = listener } }, ANYBODY)
  disconnect()
  t.ok((await left).isKnown)
  const waiting = server.get({ ifNoneMatch, waitSeconds: 60, onDisconnect }, ANYBODY)
  t.notOk(server.isClosing())
  server.close()
  t.ok((await waiting).isKnown)
  t.ok(server.isClosing())
  t.ok((await server.get({ ifNoneMatch, waitSeconds: 60, onDisconnect }, ANYBODY)).isKnown, 'no wait begins while the service closes')
})
