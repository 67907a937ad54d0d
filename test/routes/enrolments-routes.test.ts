import t from 'tap'
import { build } from '../helper.js'

const body = { context: { model: 'q', task: 'gsm8k' }, epoch: null, share: 1, age_ms: 10, generations: [{ generation_id: 'g' }] }

t.test('a local decider enrols what it drew', async (t) => {
  const { send } = await build(t, { DEFAULT_POLICY: '{}' })
  t.match(await send('POST', '/v1/enrolments', body), { status: 202, body: { enrolled: 1 } })
  t.match(await send('POST', '/v1/enrolments', { ...body, share: 0 }), { status: 202, body: { enrolled: 0 } }, 'as in a context that has left its pool')
})

t.test('a report that cannot be enrolled is refused', async (t) => {
  const { send } = await build(t)
  for (const wrong of [{ share: -0.1 }, { age_ms: -1 }, { generations: [{ sample: 1 }] }, { epoch: 7 }]) {
    t.match(await send('POST', '/v1/enrolments', { ...body, ...wrong }), { status: 400 }, JSON.stringify(wrong))
  }
})
