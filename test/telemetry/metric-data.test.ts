import { Counter, Gauge, Registry } from 'prom-client'
import t from 'tap'
import { Durations } from '../../src/metrics/durations.js'
import { metricData } from '../../src/telemetry/metric-data.js'

t.test('counters, gauges and histograms keep their names, labels and values', async (t) => {
  const registry = new Registry()
  new Counter({ name: 'c', help: 'a counter', labelNames: ['l'], registers: [registry] }).inc({ l: 'x' }, 3)
  new Gauge({ name: 'g', help: 'a gauge', registers: [registry] }).set(0.5)
  new Counter({ name: 'unseen', help: 'without values', labelNames: ['l'], registers: [registry] }) // eslint-disable-line no-new
  const durations = new Durations(registry, { name: 'd_seconds', help: 'durations', labelNames: ['l'], buckets: [1, 2] })
  for (const seconds of [0.5, 1.5, 1.75, 9]) durations.observe(seconds, 'x')
  const data = metricData(await registry.getMetricsAsJSON() as Parameters<typeof metricData>[0], 1000, 2500)
  t.match(data, [
    { descriptor: { name: 'c', description: 'a counter' }, isMonotonic: true, dataPoints: [{ startTime: [1, 0], endTime: [2, 500_000_000], attributes: { l: 'x' }, value: 3 }] },
    { descriptor: { name: 'g' }, dataPoints: [{ attributes: {}, value: 0.5 }] },
    { descriptor: { name: 'd_seconds', unit: 's' }, dataPoints: [{ attributes: { l: 'x' }, value: { buckets: { boundaries: [1, 2], counts: [1, 2, 1] }, sum: 12.75, count: 4 } }] },
  ])
  t.equal(data.length, 3)
})
