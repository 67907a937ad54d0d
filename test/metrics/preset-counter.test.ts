import { Registry } from 'prom-client'
import t from 'tap'
import { presetCounter } from '../../src/metrics/preset-counter.js'

t.test('a preset counter shows every value of its label before the first increase', async (t) => {
  const registry = new Registry()
  presetCounter([registry], 'x_total', 'help', 'result', ['stored', 'dropped']).inc({ result: 'stored' })
  t.match(await registry.metrics(), 'x_total{result="stored"} 1\nx_total{result="dropped"} 0\n')
})
