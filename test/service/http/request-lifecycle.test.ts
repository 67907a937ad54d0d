import { pino } from 'pino'
import t from 'tap'
import { logCutConnections, RequestLog } from '../../../src/service/http/request-lifecycle.js'
import { createMetrics } from '../../../src/service/metrics/metrics.js'
import { build, until } from '../../helper.js'

t.test('many closed connections are logged in two lines: the first and the rest', async (t) => {
  const lines: string[] = []
  const metrics = createMetrics()
  const cut = logCutConnections(pino({}, { write: (line: string) => { lines.push(line) } }), () => metrics)
  for (let i = 0; i < 1000; i++) cut('unread')
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0]!), { level: 40, cut: { unread: 1 } })
  const text = await metrics.render()
  t.match(text, 'stopgate_connections_cut_total{cause="unread"} 1000')
  t.match(text, 'stopgate_connections_cut_total{cause="pipelined"} 0', 'every cause has a series from the start, so that the first increase is visible')
  cut('timeout')
  await until('the rest is told', () => lines.length === 2)
  t.match(JSON.parse(lines[1]!), { cut: { unread: 999, timeout: 1 } })
})

function logTo (lines: Record<string, unknown>[], level: string) {
  return pino({ level }, { write: (line: string) => { lines.push(JSON.parse(line)) } })
}

t.test('each reply is logged and counted once, under the id of its request', async (t) => {
  const lines: Record<string, unknown>[] = []
  const { app, metrics } = await build(t, {}, logTo(lines, 'debug'))
  const headers = { 'x-request-id': 'mine' }
  await app.inject({ method: 'POST', url: '/v1/decisions', headers, payload: { tokens: 1, confidence: 0.5 } })
  await app.inject({ url: '/v1/snapshot', headers })
  await app.inject({ url: '/none', headers })
  const answers = lines.filter(({ msg }) => msg === 'answered')
  t.match(answers, [
    { level: 20, reqId: 'mine', method: 'POST', route: '/v1/decisions', status_code: 200, token: 'anonymous' },
    { level: 20, reqId: 'mine', method: 'GET', route: '/v1/snapshot', status_code: 200 },
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

function logOf (level: string) {
  const lines: Record<string, unknown>[] = []
  const parent = pino({ level }, { write: (line: string) => { lines.push(JSON.parse(line)) } })
  let children = 0
  const { child } = parent
  parent.child = function (this: typeof parent, ...args: Parameters<typeof child>) {
    children++
    return child.apply(this, args)
  } as typeof child
  return { lines, made: () => children, log: new RequestLog(parent, level === 'debug' || level === 'trace', 'r1') }
}

t.test('no child logger is created until something is logged', async (t) => {
  const { lines, made, log } = logOf('info')
  log.debug({ big: true }, 'not shown')
  log.trace('not shown')
  log.silent()
  t.equal(made(), 0)
  log.info({ a: 1 }, 'shown')
  log.error(new Error('bad'), 'shown too')
  t.equal(made(), 1)
  t.match(lines, [{ level: 30, reqId: 'r1', a: 1, msg: 'shown' }, { level: 50, reqId: 'r1', msg: 'shown too', err: { message: 'bad' } }])
})

t.test('every level reaches the parent log', async (t) => {
  const { lines, log } = logOf('trace')
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) log[level](level)
  t.match(lines.map(({ level, msg }) => [level, msg]), [[10, 'trace'], [20, 'debug'], [30, 'info'], [40, 'warn'], [50, 'error'], [60, 'fatal']])
  t.equal(log.level, 'trace')
  log.child({ more: 2 }).info('below')
  t.match(lines.at(-1), { reqId: 'r1', more: 2, msg: 'below' })
})
