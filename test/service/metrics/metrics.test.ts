import t from 'tap'
import { openEpoch } from '../../../src/core/learn/context-state.js'
import { DEFAULT_POLICY } from '../../../src/core/policy/policy.js'
import { createMetrics, CUT_CAUSES } from '../../../src/service/metrics/metrics.js'
import { changed } from '../../changed-state.js'

const state = openEpoch(undefined, { cause: 'first_enrolment', policy: DEFAULT_POLICY, levels: ['task'], time: 0, name: '0-1' })
const NONE = { trainingRuns: async () => [], predictors: () => [], links: () => [] }
const readings = {
  snapshotVersion: () => 7,
  snapshotAgeSeconds: () => null,
  isStoreUp: () => false,
  isLeader: () => true,
  lag: () => 3,
  refused: () => 5,
  contextRoom: () => ({ isFull: false, fullPrefixes: 0 }),
  isPaused: () => false,
  isStoreLost: () => false,
  withdrawals: async () => [],
  pins: () => 2,
  newMembers: () => 0,
  isLeaf: (key: string) => key !== '*',
  policyOf: () => undefined,
  isConfiguredApart: () => false,
  ...NONE,
}

t.test('two registries are independent', async (t) => {
  const [one, other] = [createMetrics(), createMetrics()]
  one.decided('off')
  t.match(await one.render(), 'stopgate_decisions_total{decision="continue",reason="off"} 1\n')
  t.match(await other.render(), 'stopgate_decisions_total{decision="continue",reason="off"} 0\n')
})

t.test('a scrape shows present values, with the sums of other contexts under other', async (t) => {
  const metrics = createMetrics()
  let probes = 10
  metrics.watch({ ...readings, busiest: async () => new Map([['*', changed(state, { savings: { probe_tokens: 30 } })], ['task=a', changed(state, { savings: { probe_tokens: probes } })]]) })
  t.match(await metrics.render(), 'stopgate_probe_tokens_total{context="task=a"} 10\n')
  probes = 12
  const text = await metrics.render()
  t.match(text, 'stopgate_probe_tokens_total{context="task=a"} 12\n')
  t.match(text, 'stopgate_probe_tokens_total{context="other"} 18\n')
  t.match(text, 'stopgate_context_tokens_saved{context="task=a",bound="low"} -12\n', 'nothing was stopped')
  t.match(text, 'stopgate_context_tokens_saved_gross{context="task=a"} 0\n')
  t.notMatch(text, 'stopgate_context_threshold{', 'no threshold, no sample')
  t.match(text, 'stopgate_snapshot_age_seconds +Inf\n')
  t.match(text, 'stopgate_outcome_log_lag 3\n')
  t.match(text, 'stopgate_outcomes_without_context_total 5\n')
})

t.test('a key cannot break out of its label', async (t) => {
  const metrics = createMetrics()
  metrics.watch({ ...readings, busiest: async () => new Map([['task="} 1\n', state]]) })
  t.match(await metrics.render(), 'stopgate_context_control_generations{context="task=\\"} 1\\n"} 0\n')
})

t.test('each cause of a cut connection has a series from the start, so that an alert can count its first increase', async (t) => {
  const text = await createMetrics().render()
  for (const cause of CUT_CAUSES) t.ok(text.includes(`{cause="${cause}"} 0`), cause)
})

t.test('durations of requests are observed by method, route and status', async (t) => {
  const { requestSeconds, render } = createMetrics()
  requestSeconds.observe(0.001, 'GET', '/a', 200)
  requestSeconds.observe(0.003, 'GET', '/a', 200)
  const text = await render()
  t.match(text, 'stopgate_http_request_duration_seconds_sum{method="GET",route="/a",status_code="200"} 0.004\n')
  t.match(text, 'stopgate_http_request_duration_seconds_bucket{le="0.0025",method="GET",route="/a",status_code="200"} 1\n')
})
