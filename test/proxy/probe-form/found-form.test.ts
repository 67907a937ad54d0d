import t from 'tap'
import { until } from '../../helper.js'
import { CHAT, startUnderTest } from '../proxy-under-test.js'

const KEY = 'model=m,task=-'
const AUTO = { PROXY_PROBE: 'auto' }

/** Chats with different prompts, one after the other. */
async function askTimes (ask: (body: object) => Promise<Response>, times: number, from = 0): Promise<any[]> {
  const replies = []
  for (let i = from; i < from + times; i++) {
    replies.push(await (await ask({ ...CHAT, temperature: 0, messages: [{ role: 'user', content: `prompt ${i}` }] })).json())
  }
  return replies
}

t.test('the form is found over twenty generations, before anything is enrolled, and then used', async (t) => {
  const { ask, service, upstream, metric } = await startUnderTest(t, {}, AUTO)
  const first = await askTimes(ask, 20)
  t.ok(first.every(({ stopgate }) => stopgate.arm === null && stopgate.probe_tokens === 0))
  const known = await until('a form is in force', async () => {
    const { status, body } = await service.send('GET', `/v1/contexts/${KEY}`)
    return status === 200 && body
  })
  t.match(known.probe_form, { name: 'direct', tokens: 2, is_stated: false, validity: null })
  t.match(known, { epoch: 1, follow_up: { enrolled: 0, left_out: 0 } })
  await until('the proxy has it', async () => (await askTimes(ask, 1, 100))[0].stopgate.arm !== null)
  const last = upstream.requests.filter(({ path }) => path === '/v1/completions').at(-1)!.body
  t.match(last, { max_tokens: 2, temperature: 0 })
  t.ok(await metric('stopgate_proxy_probes_total{end="ok"}') > 100)
})

t.test('where no form gives the answer, nothing is probed, and a warning says so', async (t) => {
  const { ask, service, metric } = await startUnderTest(t, { forcedAnswer: () => 'nonsense' }, AUTO)
  await askTimes(ask, 20)
  const known = await until('the search has ended', async () => {
    const { status, body } = await service.send('GET', `/v1/contexts/${KEY}`)
    return status === 200 && body
  })
  t.match(known, { probe_form: { name: null, tried: [{ name: 'plain', agreement: 0 }, {}, {}, {}, {}] }, warnings: ['probe_form_unfit'] })
  const probes = await metric('stopgate_proxy_probes_total{end="ok"}')
  const [reply] = await askTimes(ask, 1, 50)
  t.match(reply.stopgate, { arm: null, probe_tokens: 0 })
  t.equal(await metric('stopgate_proxy_probes_total{end="ok"}'), probes)
})

t.test('a stated form is in force at once, and one control generation in twenty is asked at its end', async (t) => {
  const serviceEnv = { DEFAULT_POLICY: '{"follow_up_seconds":60,"evidence_span_seconds":0}' } // a span would let the control share fall
  const { ask, service } = await startUnderTest(
    t, {}, { PROXY_PROBE: 'direct', PROXY_BEFORE_CLOSE: '', PROXY_AFTER_CLOSE: '' }, serviceEnv)
  t.match((await askTimes(ask, 20)).map(({ stopgate }) => stopgate.arm), Array(20).fill('control'))
  const { probe_form: form, epoch } = await until('one was asked at its end', async () => {
    const { body } = await service.send('GET', `/v1/contexts/${KEY}`)
    return body.probe_form?.asked === 1 && body
  })
  t.match(form, { name: 'direct', tokens: 16, is_stated: true, validity: 1 })
  t.equal(epoch, 1)
  t.match(await service.metrics.render(), `stopgate_context_probe_validity{context="${KEY}"} 1\n`)
})
