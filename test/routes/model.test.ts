import t from 'tap'
import { certify, KEY } from '../certify.js'
import { build } from '../helper.js'

t.test('the live model and its history', async (t) => {
  const built = await build(t, { CONTEXT_LEVELS: 'model,task' })
  const { send } = built
  t.match((await send('GET', '/v1/model')).body, { levels: ['model', 'task'], thresholds_in_force: 0, stale: false, store: { kind: 'embedded', up: true } })
  await certify(built)
  const { body } = await send('GET', '/v1/model')
  t.match(body, { version: Number, state_id: String, thresholds_in_force: 1, age_seconds: Number })
  t.ok(body.version > 0 && body.state_id !== '')
  const { changes } = (await send('GET', '/v1/model/history')).body
  t.match(changes.at(-1), { key: KEY, cause: 'evidence', epoch: 1, before: null, after: Number })
})
