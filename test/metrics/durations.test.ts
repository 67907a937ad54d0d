import { Histogram, Registry } from 'prom-client'
import t from 'tap'
import { createDurations } from '../../src/metrics/durations.js'
import { mulberry32 } from '../random.js'

t.test('it reads as the histogram of prom-client does', async (t) => {
  const options = { name: 'x_seconds', help: 'X', labelNames: ['route', 'status_code'] as const, buckets: [0.1, 0.25, 1] }
  const [ours, theirs] = [new Registry(), new Registry()]
  const durations = createDurations(ours, options)
  const histogram = new Histogram({ ...options, labelNames: [...options.labelNames], buckets: [...options.buckets], registers: [theirs] })
  const random = mulberry32(1)
  for (const route of ['/a', '/b"']) {
    const series = durations.series({ route, status_code: 200 })
    for (const seconds of [0, 0.1, 0.25, 1, 1.0001, ...Array.from({ length: 100 }, () => random() * 2)]) {
      series.observe(seconds)
      histogram.observe({ route, status_code: 200 }, seconds)
    }
  }
  t.equal(await ours.metrics(), await theirs.metrics())
})
