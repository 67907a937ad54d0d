import t from 'tap'
import { certify, CONTEXT, KEY, reportTo } from '../certify.js'
import { build, until } from '../helper.js'
import { ALL_SHUFFLED } from '../quick-policy.js'

const url = `/v1/contexts/${encodeURIComponent(KEY)}`

t.test('a what-if answers for another guarantee without changing anything', async (t) => {
  const built = await build(t)
  await certify(built)
  const { send } = built
  const before = (await send('GET', url)).body
  const { status, body } = await send('GET', `${url}/what-if?max_em_drop=0.05&error_level=0.1`)
  t.equal(status, 200)
  t.match(body, { key: KEY, max_em_drop: 0.05, error_level: 0.1, post_hoc: true, generations: before.generations?.control })
  t.equal(body.thresholds.length, 30)
  t.match((await send('GET', `${url}/what-if`)).body, { max_em_drop: 0.02, post_hoc: false, threshold: before.threshold }, 'the wish of now')
  t.match((await send('GET', url)).body, { threshold: before.threshold, generations: { control: before.generations?.control } })
})

t.test('an invalid what-if is refused with a remedy', async (t) => {
  const built = await build(t)
  await certify(built)
  const { send } = built
  t.match(await send('GET', `${url}/what-if?max_em_drop=0.9`), { status: 400, body: { message: /max_em_drop/ } })
  t.match(await send('GET', `${url}/what-if?em=1`), { status: 400, body: { message: /not a known field.*max_em_drop, error_level, check_every_tokens/ } })
  for (const [asked, why] of [['min_tokens=5', /another value starts a new epoch/], ['mode=off', /not what is certified/]] as const) {
    const path = `/querystring/${asked.split('=')[0]}`
    t.match(await send('GET', `${url}/what-if?${asked}`), { status: 400, body: { details: [{ path, message: why }] } })
  }
  t.match(await send('GET', '/v1/contexts/model%3Dnobody/what-if'), { status: 404 })
})

t.test('a what-if answers for a coarser cadence from the generations that were kept with all their steps', async (t) => {
  const built = await build(t, ALL_SHUFFLED)
  const { send } = built
  const steps = [[32, 0.5], [64, 0.99], [96, 0.99]].map(([tokens, confidence]) => ({ tokens, confidence, em: 1, probe_tokens: 3 }))
  const outcomes = Array.from({ length: 300 }, (_, i) => ({ generation_id: `g${i}`, samples: 1, arm: 'control', context: CONTEXT, tokens: 128, em: 1, steps }))
  await reportTo(built, outcomes)
  await until('a threshold is in force', async () => (await send('GET', url)).body.threshold > 0 && built.snapshotHolder.lag() === 0)

  const now = (await send('GET', `${url}/what-if`)).body
  t.match(now, { check_every_tokens: 32, check_growth: 0, cadence: null })
  const { status, body } = await send('GET', `${url}/what-if?check_every_tokens=64&check_growth=0.5`)
  t.equal(status, 200)
  t.match(body, { check_every_tokens: 64, check_growth: 0.5, post_hoc: false, cadence: { threshold: now.threshold } })
  t.ok(body.generations > 100 && body.generations <= 256, `${body.generations} of them were kept`)
  t.match(body.cadence.recorded, { check_every_tokens: 32, check_growth: 0, probe_tokens: Number, checks: Number })
  const at = body.thresholds.find(({ threshold }: { threshold: number }) => threshold === now.threshold)
  const { tokens_saved_ratio } = at
  t.match(body.cadence.asked, { tokens_saved_ratio, tokens_saved_gross_ratio: 0.5, em_drop: 0, checks: 1, probe_tokens: 3 })

  t.match(await send('GET', `${url}/what-if?check_every_tokens=16`), {
    status: 400, body: { code: 'INVALID_POLICY', message: /check_every_tokens must be at least 32, the cadence that the steps were recorded at/, details: [{ path: '/check_every_tokens' }] },
  })
  t.match(await send('GET', `${url}/what-if?check_growth=2`), { status: 400 })
})
