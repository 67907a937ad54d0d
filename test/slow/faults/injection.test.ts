import { PassThrough } from 'node:stream'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import t from 'tap'
import { KEYS } from '../../../src/store/redis/redis-keys.js'
import { losslessOutcome } from '../../certify.js'
import { build, until } from '../../helper.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'

const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']

t.test('no request pollutes a prototype', async (t) => {
  const { app, send } = await build(t)
  const before = JSON.stringify(Object.getOwnPropertyNames(Object.prototype))
  const post = (url: string, payload: string) => app.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json' } })
  for (const name of NAMES) {
    const nested = `{"${name}":{"polluted":1,"prototype":{"polluted":1}}}`
    await post('/v1/decisions', `{"tokens":1,"confidence":1,"context":${nested},"signals":${nested}}`)
    await post('/v1/decisions/batch', `{"steps":[{"context":${nested},"tokens":1,"confidence":1,"signals":{"${name}":1}}]}`)
    await post('/v1/outcomes/batch', `{"outcomes":[{"generation_id":"${name}","context":{"model":"${name}","task":"${name}"},"tokens":9,"em":1}]}`)
    await app.inject({ method: 'PUT', url: `/v1/contexts/model=${name}/policy`, payload: nested, headers: { 'content-type': 'application/json' } })
    await send('PUT', `/v1/contexts/model=${name}/pin`, { threshold: 0.5, reason: name })
    await send('GET', `/v1/contexts?${name}[polluted]=1&${name}=1`)
    await send('POST', `/v1/training-runs/${name}/checkpoints`, { step: 1, suite: name, em: 1, n: 9, tokens_mean: 9, context: { model: name } })
    t.match(await send('GET', `/v1/training-runs/${name}`), { status: 200, body: { suites: [{ suite: name }] } }, `${name} is a run like any other`)
  }
  await until('all is learned', async () => (await send('GET', '/v1/snapshot')).body.learner.log_lag === 0)
  t.equal(JSON.stringify(Object.getOwnPropertyNames(Object.prototype)), before)
  t.equal(({} as any).polluted, undefined)
  for (const name of NAMES) {
    const url = `/v1/contexts/${encodeURIComponent(`model=${name},task=${name}`)}`
    t.match(await send('GET', url), { status: 200, body: { generations: { treated: Number } } }, `${name} is a context like any other`)
  }
})

t.test('no request can forge a log line', async (t) => {
  const stream = new PassThrough()
  let text = ''
  stream.on('data', (chunk) => { text += chunk })
  const { send } = await build(t, {}, pino({ level: 'trace' }, stream))
  const forged = 'x"}\r\n{"level":60,"msg":"forged"}\n\u2028\u001b[2J'
  const context = { model: forged, task: forged }
  await send('POST', '/v1/decisions', { generation_id: forged, group_id: forged, tokens: 1, confidence: 1, context, signals: { [forged]: 1 } })
  await send('POST', '/v1/decisions', { tokens: 1, confidence: 1, [forged]: 1 })
  await send('POST', '/v1/outcomes', { ...losslessOutcome(forged, context), answer: forged })
  await send('PUT', '/v1/contexts/*/pin', { threshold: 0.5, reason: forged })
  await send('GET', `/v1/${encodeURIComponent(forged)}`, undefined, { 'x-request-id': 'x"}{"level":60', 'user-agent': 'x"}{"level":60' })
  await until('it is logged', () => text.includes('answered'))
  const lines = text.trimEnd().split('\n').map((line) => JSON.parse(line)) // every line is one JSON object
  t.ok(lines.length > 5)
  t.same(lines.filter(({ level, msg }) => level === 60 || msg === 'forged'), [])
  t.notMatch(text, '\u001b', 'no escape sequence reaches the log')
})

t.test('no request can forge a metric', async (t) => {
  const { send } = await build(t)
  const forged = 'x"} 1\nforged_metric{a="'
  const series = async () => ((await send('GET', '/metrics')).body as string).split('\n').filter((line) => line.includes('forged'))
  await send('POST', '/v1/outcomes', losslessOutcome('forged', { model: forged, task: `${forged}\\` }))
  await send('GET', `/v1/${encodeURIComponent(forged)}`)
  await send('POST', `/v1/training-runs/${encodeURIComponent(forged)}/checkpoints`, { step: 1, suite: forged, em: 1, n: 9, tokens_mean: 9 })
  const found = async (text: string) => (await series()).some((line) => line.includes(text))
  await until('it is among the contexts and the runs', async () => await found('context=') && await found('suite='))
  for (const line of await series()) {
    t.match(line, /^stopgate_\w+\{([a-z_]+="([^"\\\n]|\\[\\"n])*",?)+\} \S+$/, line)
  }
})

t.test('no request can reach an unrelated Redis key', { skip: withoutRedis }, async (t) => {
  const redis = await startRedis(t, DURABLE)
  const { send, decisionLog } = await build(t, { REDIS_URL: redis.url })
  await until('Redis is reached', async () => (await send('GET', '/readyz')).status === 200)
  const admin = new Redis(redis.url)
  t.teardown(() => { admin.disconnect() })
  const names = ['log', '{stopgate}:log', '../cursor', ':version', '}:{stopgate}:cursor', ' \r\nFLUSHALL\r\n', '*', 'seen:x', 'a\u0000b', '']
  for (const name of names.filter(Boolean)) {
    await send('POST', '/v1/decisions', { generation_id: name, arm: 'control', tokens: 1, confidence: 1, context: { model: name, task: name } })
    t.equal((await send('POST', '/v1/outcomes', { ...losslessOutcome(name, { model: name, task: name }), em: undefined })).status, 202)
    t.equal((await send('POST', `/v1/outcomes/${encodeURIComponent(name)}/label`, { em: 1 })).status, 202, 'the outcome of this id is found')
  }
  await decisionLog.flush()
  await until('all is learned', async () => (await send('GET', '/v1/snapshot')).body.learner.log_lag === 0)
  const known = new Set<string>(Object.values(KEYS))
  const others = (await admin.keys('*')).filter((key) => !known.has(key))
  t.same(others.filter((key) => !/^\{stopgate\}:(seen|events|answers):/.test(key)), [], 'every other key is one of src/store/redis/redis-keys.ts')
  for (const name of names.filter(Boolean)) t.ok(others.includes(`{stopgate}:seen:${name}`), JSON.stringify(name))
  t.equal(await admin.type('{stopgate}:log'), 'stream')
})

t.test('no request grows memory for good', async (t) => {
  const { send, learner } = await build(t, { MAX_CONTEXTS: '20' })
  const flood = async (name: string) => {
    const names = Array.from({ length: 300 }, (_, i) => `${name}-${i}`)
    const context = (one: string) => ({ model: one, task: one })
    const ids = (one: string) => ({ generation_id: one, group_id: one, context: context(one) })
    const steps = names.map((one) => ({ ...ids(one), tokens: 1, confidence: 1, signals: { [one]: 1 } }))
    await send('POST', '/v1/decisions/batch', { steps })
    await send('POST', '/v1/outcomes/batch', { outcomes: names.map((one) => ({ ...losslessOutcome(one), ...ids(one) })) })
    for (const one of names.slice(0, 50)) {
      await send('GET', `/${one}`)
      await send('GET', '/v1/snapshot', undefined, { authorization: `Bearer ${one}`, 'x-request-id': one })
      await send('POST', `/v1/outcomes/${one}/label`, { em: 1 })
      await send('GET', `/v1/bundle?prefix=model=${one}`)
      await send('GET', `/v1/contexts/model=${one}`)
    }
    await until('all is learned', async () => (await send('GET', '/v1/snapshot')).body.learner.log_lag === 0)
    const { body } = await send('GET', '/metrics')
    // The series of the last evidence begins with the first look at it, which may be later than the flood.
    return (body as string).split('\n').filter((line) => !/^#|^nodejs_|^process_|_last_evidence_/.test(line)).map((line) => line.replace(/ \S+$/, ''))
  }
  await send('GET', '/metrics') // the first call adds the series of /metrics itself
  const first = await flood('first')
  t.same(await flood('second'), first, 'the second flood adds no series')
  t.equal((await send('GET', '/v1/snapshot')).body.contexts, 20)
  t.ok(learner.refused() > 500, 'refused contexts are counted')
})
