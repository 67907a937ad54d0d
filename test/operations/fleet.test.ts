import t from 'tap'
import { losslessOutcome, report } from '../certify.js'
import { build, until } from '../helper.js'

t.test('sums and rows are of the contexts within a prefix', async (t) => {
  const { send, fleet } = await build(t)
  await report((path, body) => send('POST', path, body), [losslessOutcome('a', { model: 'q', task: 'x' }), losslessOutcome('b', { model: 'q2', task: 'x' })])
  await until('both are learned', async () => (await fleet.sums('*')).contexts === 2)
  t.match(await fleet.sums('model=q'), { contexts: 1, prefix: 'model=q' })
  const query = { prefix: 'model=q2', sort: 'key', descending: false, offset: 0, limit: 5 } as const
  t.match(await fleet.rows(query), { total: 1, contexts: [{ key: 'model=q2,task=x' }] })
  await t.rejects(fleet.sums('model'), { code: 'INVALID_CONTEXT_KEY' })
})
