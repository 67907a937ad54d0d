import { Histogram, Registry } from 'prom-client'
import t from 'tap'
import { Durations } from '../../../src/service/metrics/durations.js'
import { mulberry32 } from '../../random.js'

t.test('durations are rendered exactly as a histogram of prom-client renders them', async (t) => {
  const options = { name: 'x_seconds', help: 'X', labelNames: ['route', 'status_code'], buckets: [0.1, 0.25, 1] }
  const [ours, theirs] = [new Registry(), new Registry()]
  const durations = new Durations(ours, options)
  const histogram = new Histogram({ ...options, registers: [theirs] })
  const random = mulberry32(1)
  for (const route of ['/a', '/b"']) {
    for (const status_code of [200, 404]) {
      for (const seconds of [0, 0.1, 0.25, 1, 1.0001, ...Array.from({ length: 100 }, () => random() * 2)]) {
        durations.observe(seconds, route, status_code)
        histogram.observe({ route, status_code }, seconds)
      }
    }
  }
  t.equal(await ours.metrics(), await theirs.metrics())
})

t.test('a histogram without labels has one series', async (t) => {
  const [ours, theirs] = [new Registry(), new Registry()]
  const durations = new Durations(ours, { name: 'x_seconds', help: 'X', buckets: [0.1, 1] })
  const histogram = new Histogram({ name: 'x_seconds', help: 'X', buckets: [0.1, 1], registers: [theirs] })
  t.equal(await ours.metrics(), await theirs.metrics(), 'from the start')
  for (const seconds of [0.05, 0.5, 5]) {
    durations.observe(seconds)
    histogram.observe(seconds)
  }
  t.equal(await ours.metrics(), await theirs.metrics())
})
