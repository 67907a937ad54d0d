import t from 'tap'
import { ProxyMetrics } from '../../src/proxy/proxy-metrics.js'

t.test('probes are counted with their tokens in the prefix cache', async (t) => {
  const metrics = new ProxyMetrics({
    isCircuitOpen: () => true,
    inFlight: () => 2,
    heldBytes: () => 0,
    enrolled: () => 3,
    reports: () => ({ reported: 4, refused: 0, dropped: 0, waiting: 1 }),
  })
  metrics.probed({ hasIds: true }, 'ok', 2, { text: '', logprobs: [], tokens: 2, promptTokens: 40, cachedTokens: 32 })
  metrics.probed({ hasIds: false }, 'ok', 2, { text: '', logprobs: [], tokens: 2, promptTokens: 40, cachedTokens: null })
  metrics.probed({ hasIds: true }, 'failed', 0, null)
  metrics.probed({ hasIds: true }, 'late', 16, null)
  metrics.passed('off')
  metrics.requested('/v1/models?limit=1')
  metrics.requested('/v1/embeddings')
  metrics.refused()
  metrics.ended(null, 'broken')
  metrics.generated({ reasoning: 5, discarded: 2, answer: -1 })
  metrics.opened(0)
  metrics.handled(0)
  const reasons: string[] = []
  metrics.onFailedStop = ({ message }) => { reasons.push(message) }
  metrics.onPassed = (cause) => { reasons.push(cause) }
  metrics.onUnknownLevels = (unknown, known) => { reasons.push(...unknown, ...known) }
  metrics.passed('tools')
  metrics.stopFailed(new Error('why'))
  metrics.unknownLevels(['taks'], ['task'])
  t.same(reasons, ['tools', 'why', 'taks', 'task'])
  const text = await metrics.registry.metrics()
  for (const line of [
    'probe_tokens_total 20', 'probe_prompt_tokens_total{cache="hit"} 32', 'probe_prompt_tokens_total{cache="miss"} 8',
    'probe_prompt_tokens_total{cache="unknown"} 40', 'prefixes_total{kind="text"} 1', 'probes_total{end="failed"} 1', 'passed_total{cause="off"} 1',
    'upstream_requests_total{path="/v1/models"} 1', 'upstream_requests_total{path="other"} 1', 'upstream_requests_total{path="/tokenize"} 0',
    'unknown_levels_total 1', 'circuit_open 1', 'requests_in_flight 2', 'enrolled 3', 'reports_waiting 1', 'generations_total{arm="none",end="broken"} 1',
  ]) t.ok(text.includes(`stopgate_proxy_${line}`), line)
})

t.test('of streams that are read in step, every one is sampled', async (t) => {
  const metrics = new ProxyMetrics({
    isCircuitOpen: () => true,
    inFlight: () => 0,
    heldBytes: () => 0,
    enrolled: () => 0,
    reports: () => ({ reported: 0, refused: 0, dropped: 0, waiting: 0 }),
  })
  const timed = Array<number>(16).fill(0)
  for (let read = 0; read < 16_000; read++) if (metrics.startHandling() !== null) timed[read % 16]!++
  t.ok(timed.every((times) => times > 0), `${timed}`) // each is timed 62 times on average
  const all = timed.reduce((sum, times) => sum + times)
  t.ok(all > 800 && all < 1200, `${all} of 16,000`) // the standard deviation is about 18
})
