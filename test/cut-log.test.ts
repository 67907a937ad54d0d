import { pino } from 'pino'
import t from 'tap'
import { cutLog } from '../src/cut-log.js'
import { createMetrics } from '../src/metrics.js'

t.test('each is counted, and many at once are one line', async (t) => {
  const lines: string[] = []
  const metrics = createMetrics()
  const cut = cutLog(pino({}, { write: (line: string) => { lines.push(line) } }), () => metrics)
  for (let i = 0; i < 1000; i++) cut('unread')
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0]!), { level: 40, cut: { unread: 1 } })
  const text = await metrics.render()
  t.match(text, 'stopgate_connections_cut_total{cause="unread"} 1000')
  t.match(text, 'stopgate_connections_cut_total{cause="pipelined"} 0', 'an increase is seen from its first')
})
