import { pino } from 'pino'
import t from 'tap'
import { build } from '../helper.js'

function logTo (lines: Record<string, unknown>[], level: string) {
  return pino({ level }, { write: (line: string) => { lines.push(JSON.parse(line)) } })
}

t.test('each reply is logged and counted once, under the id of its request', async (t) => {
  const lines: Record<string, unknown>[] = []
  const { app, metrics } = await build(t, {}, logTo(lines, 'debug'))
  const headers = { 'x-request-id': 'mine' }
  await app.inject({ method: 'POST', url: '/v1/decisions', headers, payload: { tokens: 1, confidence: 0.5 } })
  await app.inject({ url: '/v1/model', headers })
  await app.inject({ url: '/none', headers })
  const answers = lines.filter(({ msg }) => msg === 'answered')
  t.match(answers, [
    { level: 20, reqId: 'mine', method: 'POST', route: '/v1/decisions', status_code: 200, token: 'anonymous' },
    { level: 30, reqId: 'mine', method: 'GET', route: '/v1/model', status_code: 200 },
    { level: 30, reqId: 'mine', method: 'GET', route: 'none', status_code: 404 },
  ])
  t.equal(answers.length, 3)
  for (const { ms } of answers) t.ok(Number(ms) > 0 && Number(ms) < 10_000)
  t.match(lines.find(({ msg }) => msg === 'decided'), { reqId: 'mine', step: { tokens: 1 } })
  const text = await metrics.render()
  for (const labels of ['method="POST",route="/v1/decisions",status_code="200"', 'method="GET",route="none",status_code="404"']) {
    t.match(text, `stopgate_http_request_duration_seconds_count{${labels}} 1\n`)
  }
})

t.test('requests without hooks are logged and counted too', async (t) => {
  const lines: Record<string, unknown>[] = []
  const { app } = await build(t, {}, logTo(lines, 'info'))
  await app.inject({ url: '/v1/contexts/%zz', headers: { 'x-request-id': 'bad' } })
  t.match(lines.filter(({ msg }) => msg === 'answered'), [{ reqId: 'bad', route: 'none', status_code: 400 }])
})

t.test('Fastify logs to the same log', async (t) => {
  const lines: Record<string, unknown>[] = []
  const { app } = await build(t, {}, logTo(lines, 'info'))
  app.get('/twice', { config: { role: 'open' } }, (request, reply) => {
    request.log.warn('the handler\'s')
    reply.send('once')
    reply.send('again')
  })
  await app.inject({ url: '/twice', headers: { 'x-request-id': 'two' } })
  await app.listen({ port: 0 })
  t.match(lines.filter(({ level }) => level === 40), [{ reqId: 'two', msg: 'the handler\'s' }, { reqId: 'two', err: { code: 'FST_ERR_REP_ALREADY_SENT' } }])
  t.ok(lines.some(({ msg }) => String(msg).startsWith('Server listening at')))
})
