import t from 'tap'
import { build, until } from '../helper.js'

t.test('livez and readyz report that the service runs and is ready', async (t) => {
  const { send } = await build(t)
  t.match(await send('GET', '/livez'), { status: 200, body: { status: 'ok' } })
  t.match(await send('GET', '/readyz'), { status: 200, body: { ready: true, store: { kind: 'embedded', up: true }, model: { stale: false }, warnings: [] } })
  await until('it leads', async () => (await send('GET', '/readyz')).body.learner.leader)
})
