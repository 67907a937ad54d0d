import { pino } from 'pino'
import t from 'tap'
import { cutLog } from '../../src/http/log-cut-connections.js'
import { createMetrics } from '../../src/metrics/metrics.js'
import { until } from '../helper.js'

t.test('many closed connections are logged in two lines: the first and the rest', async (t) => {
  const lines: string[] = []
  const metrics = createMetrics()
  const cut = cutLog(pino({}, { write: (line: string) => { lines.push(line) } }), () => metrics)
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
