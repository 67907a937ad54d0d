import t from 'tap'
import { certify, KEY } from '../certify.js'
import { build } from '../helper.js'

const url = `/v1/contexts/${encodeURIComponent(KEY)}`

t.test('a what-if answers for another guarantee without changing anything', async (t) => {
  const built = await build(t)
  await certify(built)
  const { send } = built
  const before = (await send('GET', url)).body
  const { status, body } = await send('GET', `${url}/what-if?max_em_drop=0.05&error_level=0.1`)
  t.equal(status, 200)
  t.match(body, { key: KEY, max_em_drop: 0.05, error_level: 0.1, post_hoc: true, generations: before.control_generations })
  t.equal(body.thresholds.length, 30)
  t.match((await send('GET', `${url}/what-if`)).body, { max_em_drop: 0.02, post_hoc: false, threshold: before.threshold }, 'the wish of now')
  t.match((await send('GET', `${url}/what-if?value_of_em=0.05&price_per_1k_tokens=0.002&predictor=auto`)).body, {
    predictor: 'auto', value_of_em: 0.05, price_per_1k_tokens: 0.002, expected_utility: Number, post_hoc: true,
  })
  await send('PUT', `${url}/policy`, { value_of_em: 1, price_per_1k_tokens: 1 })
  t.match((await send('GET', `${url}/what-if?value_of_em=&price_per_1k_tokens=`)).body, { value_of_em: null, expected_utility: null }, 'none')
  await send('DELETE', `${url}/policy`)
  t.match((await send('GET', url)).body, { threshold: before.threshold, control_generations: before.control_generations })
})

t.test('an invalid what-if is refused with what to change', async (t) => {
  const built = await build(t)
  await certify(built)
  const { send } = built
  t.match(await send('GET', `${url}/what-if?max_em_drop=0.9`), { status: 400, body: { message: /max_em_drop/ } })
  t.match(await send('GET', `${url}/what-if?max_em_drop=0.001&error_level=0.001`), { status: 400, body: { code: 'INVALID_POLICY', message: /evidence_window must be at least/ } })
  t.match(await send('GET', `${url}/what-if?em=1`), { status: 400, body: { message: /not a known field.*max_em_drop, error_level, predictor/ } })
  for (const [asked, why] of [['min_tokens=5', /another value starts a new epoch/], ['mode=off', /not what is certified/], ['evidence_window=1', /not stored/]] as const) {
    const path = `/querystring/${asked.split('=')[0]}`
    t.match(await send('GET', `${url}/what-if?${asked}`), { status: 400, body: { details: [{ path, message: why }] } })
  }
  t.match(await send('GET', `${url}/what-if?value_of_em=1`), { status: 400, body: { message: /price_per_1k_tokens must be stated with value_of_em/ } })
  t.match(await send('GET', '/v1/contexts/model%3Dnobody/what-if'), { status: 404 })
})
