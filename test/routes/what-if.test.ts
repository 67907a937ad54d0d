import t from 'tap'
import { certify, KEY } from '../certify.js'
import { build } from '../helper.js'

const url = `/v1/contexts/${encodeURIComponent(KEY)}`

t.test('another wish, without changing anything', async (t) => {
  const built = await build(t)
  await certify(built)
  const { send } = built
  const before = (await send('GET', url)).body
  const { status, body } = await send('GET', `${url}/what-if?max_em_drop=0.05&error_level=0.1`)
  t.equal(status, 200)
  t.match(body, { key: KEY, max_em_drop: 0.05, error_level: 0.1, post_hoc: true, generations: before.control_generations })
  t.equal(body.thresholds.length, 30)
  t.match((await send('GET', `${url}/what-if`)).body, { max_em_drop: 0.02, post_hoc: false, threshold: before.threshold }, 'the wish of now')
  t.same((await send('GET', url)).body, before)
})

t.test('what cannot be is refused, with what to change', async (t) => {
  const built = await build(t)
  await certify(built)
  const { send } = built
  t.match(await send('GET', `${url}/what-if?max_em_drop=0.9`), { status: 400, body: { message: /max_em_drop/ } })
  t.match(await send('GET', `${url}/what-if?max_em_drop=0.001&error_level=0.001`), { status: 400, body: { code: 'INVALID_POLICY', message: /evidence_window must be at least/ } })
  t.match(await send('GET', `${url}/what-if?em=1`), { status: 400 })
  t.match(await send('GET', '/v1/contexts/model%3Dnobody/what-if'), { status: 404 })
})
