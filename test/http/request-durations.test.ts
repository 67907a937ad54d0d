import t from 'tap'
import { createMetrics } from '../../src/metrics/metrics.js'
import { watchRequests } from '../../src/http/request-durations.js'

t.test('requests are counted by method, route and status', async (t) => {
  const metrics = createMetrics()
  const observe = watchRequests(() => metrics)
  observe('GET', '/a', 200, 0.001)
  observe('GET', '/a', 200, 0.003)
  observe('GET', '/a', 404, 0.001)
  observe('POST', '/a', 200, 0.001)
  const text = await metrics.render()
  t.match(text, 'stopgate_http_request_duration_seconds_sum{method="GET",route="/a",status_code="200"} 0.004\n')
  t.match(text, 'stopgate_http_request_duration_seconds_bucket{le="0.0025",method="GET",route="/a",status_code="200"} 1\n')
  for (const labels of ['method="GET",route="/a",status_code="404"', 'method="POST",route="/a",status_code="200"']) t.match(text, `_count{${labels}} 1\n`)
})
