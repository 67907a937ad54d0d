import t from 'tap'
import { KEY, losslessOutcome } from '../certify.js'
import { build, until } from '../helper.js'

t.test('contexts are listed in pages', async (t) => {
  const { contexts, store, send } = await build(t)
  await send('POST', '/v1/outcomes', losslessOutcome('g'))
  await until('the outcome is learned', async () => (await store.contextKeys()).length === 3)
  const first = await contexts.list({ limit: 2 })
  t.same(first.contexts.map(({ key }) => key), ['*', 'model=q'])
  t.equal(first.next, 'model=q')
  t.match(await contexts.list({ limit: 2, after: first.next! }), { contexts: [{ key: KEY }], next: null })
})

t.test('a context that has no state is not found', async (t) => {
  const { contexts } = await build(t)
  await t.rejects(contexts.get('model=new'), { code: 'CONTEXT_NOT_FOUND' })
})
