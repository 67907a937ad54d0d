import t from 'tap'
import { until } from '../../helper.js'
import { CHAT, startUnderTest } from '../proxy-under-test.js'

t.test('a model that does not think is neither probed nor reported', async (t) => {
  const { ask, metric } = await startUnderTest(t, { thought: '', answer: 'an answer that is longer than any check would need it to be, but no thought' })
  t.match(await (await ask()).json(), { stopgate: { arm: null, stopped: false } })
  t.equal(await metric('stopgate_proxy_generations_total{arm="none",end="no_thought"}'), 1)
  t.equal(await metric('stopgate_proxy_probes_total{end="ok"}'), 0)
})

t.test('many streams at once are each their own', async (t) => {
  const { ask, metric } = await startUnderTest(t)
  const replies = await Promise.all(Array.from({ length: 64 }, async (_, i) => {
    const body = { ...CHAT, messages: [{ role: 'user', content: `prompt ${i}` }] }
    return (await (await ask(body, { 'x-stopgate-gold': '42' })).json() as any).stopgate.generation_id
  }))
  t.equal(new Set(replies).size, 64)
  await until('all are reported', async () => await metric('stopgate_proxy_reports_reported') === 64)
  t.equal(await metric('stopgate_proxy_requests_in_flight'), 0)
})
