import { Registry } from 'prom-client'
import t from 'tap'
import { countCorrupted, countCuts, resultCounter } from '../../src/metrics/counters.js'

t.test('every series is shown from the start, so that the first increase is visible', async (t) => {
  const registry = new Registry()
  const corrupted = countCorrupted([registry])
  countCuts([registry]).inc({ cause: 'unread' })
  resultCounter([registry], 'x_total', 'help', ['stored', 'dropped'])
  corrupted('audit', 3)
  const text = await registry.metrics()
  t.match(text, 'stopgate_damaged_total{what="audit"} 3\n')
  t.match(text, 'stopgate_damaged_total{what="runs"} 0\n')
  t.match(text, 'stopgate_connections_cut_total{cause="unread"} 1\n')
  t.match(text, 'stopgate_connections_cut_total{cause="pipelined"} 0\n')
  t.match(text, 'x_total{result="dropped"} 0\n')
})
