import t from 'tap'
import { until } from '../helper.js'
import { CHAT, startUnderTest } from './proxy-under-test.js'

const UNTRUSTED = { PROXY_TRUST_CLIENTS: 'no' }

t.test('a client that is not trusted labels nothing, and names no group, size or context', async (t) => {
  const { ask, proxy, service, metric } = await startUnderTest(t, {}, UNTRUSTED)
  const doubted: string[] = []
  proxy.metrics.onDoubted = (names) => { doubted.push(...names) }
  const lies = { 'x-stopgate-gold': '42', 'x-stopgate-group': 'g', 'x-stopgate-samples': '4096', 'x-stopgate-context': 'task=mine' }
  await (await ask({ ...CHAT, metadata: { task: 'mine', lang: 'mine' } }, lies)).text()
  t.same(doubted, ['X-Stopgate-Gold', 'X-Stopgate-Group', 'X-Stopgate-Samples', 'X-Stopgate-Context: task'])
  await until('the outcome is reported', async () => await metric('stopgate_proxy_reports_reported') === 1)
  const body = await until('it is learned', async () => {
    const reply = await service.send('GET', '/v1/contexts/model=m,task=-')
    return reply.body.follow_up?.enrolled === 1 && reply.body
  })
  t.equal(body.em.full, null, 'it has no label')
  t.equal((await service.send('GET', '/v1/contexts/model=m,task=mine')).status, 404)
  const { body: { entries } } = await service.send('GET', '/v1/log?limit=100')
  t.notMatch(JSON.stringify(entries ?? []), 'mine')
})

t.test('clients that are not trusted open no contexts, by the name of the model either', async (t) => {
  const { ask, service } = await startUnderTest(t, {}, UNTRUSTED)
  for (let i = 0; i < 20; i++) {
    const prompt = [{ role: 'user', content: `prompt ${i}` }]
    await (await ask({ model: `model-${i}`, messages: prompt, metadata: { task: `m${i}` } }, { 'x-stopgate-context': `task=t${i}` })).text()
  }
  const body = await until('all are learned', async () => {
    const reply = await service.send('GET', '/v1/contexts/model=m,task=-')
    return reply.body.follow_up?.enrolled === 20 && reply.body
  })
  t.equal(body.follow_up.enrolled, 20)
  const keys = (await service.send('GET', '/v1/contexts?limit=100')).body.contexts.map(({ key }: { key: string }) => key)
  t.same(keys.filter((key: string) => /model-|=t\d|=m\d/.test(key)), [])
})

t.test('clients that are not trusted may name the contexts that the operator lists', async (t) => {
  const { ask, service } = await startUnderTest(t, {}, { ...UNTRUSTED, PROXY_CONTEXTS: 'task=gsm8k, task=math-*' })
  await (await ask(CHAT, { 'x-stopgate-context': 'task=gsm8k' })).text()
  await (await ask({ ...CHAT, metadata: { task: 'math-7' } })).text()
  await (await ask({ ...CHAT, messages: [{ role: 'user', content: 'other' }] }, { 'x-stopgate-context': 'task=gsm8k2' })).text()
  for (const task of ['gsm8k', 'math-7', '-']) {
    await until(`task=${task} is learned`, async () => (await service.send('GET', `/v1/contexts/model=m,task=${task}`)).body.follow_up?.enrolled === 1)
  }
  t.equal((await service.send('GET', '/v1/contexts/model=m,task=gsm8k2')).status, 404)
})
