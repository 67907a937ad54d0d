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

t.test('a pool that a policy names is shown before its first outcome', async (t) => {
  const { contexts, contextCommands } = await build(t)
  await contextCommands.setPolicy('model=q', { certify_at: 'model' }, { by: 'ops' })
  t.match(await contexts.get('model=q'), {
    status: 'learning', threshold: null, control_share: 1, control_generations: 0, members: { total: 0 }, policy: { certify_at: 'model' },
  })
  t.match(await contexts.whatIf('model=q', { max_em_drop: 0.05 }), { post_hoc: false, threshold: null })
  await t.rejects(contexts.get('model=r'), { code: 'CONTEXT_NOT_FOUND' })
})

t.test('a context that has no state is not found', async (t) => {
  const { contexts } = await build(t)
  await t.rejects(contexts.get('model=new'), { code: 'CONTEXT_NOT_FOUND' })
})
