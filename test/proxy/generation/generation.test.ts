import t from 'tap'
import { until } from '../../helper.js'
import { CHAT, PINNED, startUnderTest } from '../proxy-under-test.js'

t.test('a model that does not reason is neither probed nor reported', async (t) => {
  const { ask, metric } = await startUnderTest(t, { reasoning: '', answer: 'an answer that is longer than any check would need it to be, but no thought' })
  t.match(await (await ask()).json(), { stopgate: { arm: null, stopped: false } })
  t.equal(await metric('stopgate_proxy_generations_total{arm="none",end="no_thought"}'), 1)
  t.equal(await metric('stopgate_proxy_probes_total{end="ok"}'), 0)
})

t.test('many simultaneous streams are independent', async (t) => {
  const { ask, metric } = await startUnderTest(t)
  const replies = await Promise.all(Array.from({ length: 64 }, async (_, i) => {
    const body = { ...CHAT, messages: [{ role: 'user', content: `prompt ${i}` }] }
    return (await (await ask(body, { 'x-stopgate-gold': '42' })).json() as any).stopgate.generation_id
  }))
  t.equal(new Set(replies).size, 64)
  await until('all are reported', async () => await metric('stopgate_proxy_reports_reported') === 64)
  t.equal(await metric('stopgate_proxy_requests_in_flight'), 0)
})

t.test('a probe that the end of the reasoning overtakes is aborted, and its tokens are reported in both arms', async (t) => {
  const { ask, upstream, metric, service, treated } = await startUnderTest(t, { pauseAt: 40, holdProbes: true }, { PROXY_PROBE_TOKENS: '7' })
  const replies = [ask(), ask(CHAT, treated)]
  const probes = () => upstream.requests.filter(({ path }) => path === '/v1/completions').length
  await until('both are probed', () => probes() === 2)
  upstream.release()
  const stopgate = (await Promise.all(replies.map(async (reply) => await (await reply).json() as any))).map(({ stopgate }) => stopgate)
  t.match(stopgate, [{ arm: 'control', stopped: false, probe_tokens: 7 }, { arm: 'treated', stopped: false, probe_tokens: 7 }])
  await until('the probes are aborted', () => upstream.aborted() === 2)
  t.equal(await metric('stopgate_proxy_probes_total{end="late"}'), 2)
  t.equal(await metric('stopgate_proxy_probe_tokens_total'), 14)
  for (const key of ['model=m,task=-', PINNED]) {
    const context = await until('the service has its outcome', async () => {
      const { body } = await service.send('GET', `/v1/contexts/${key}`)
      return body.probe_tokens > 0 && body
    })
    t.match(context, { probe_tokens: 7, tokens_saved: -7 }, key)
  }
})
