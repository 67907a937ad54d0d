import t from 'tap'
import { sha256 } from '../../src/service/access/tokens.js'
import { certify, KEY, losslessOutcome } from '../certify.js'
import { build, until } from '../helper.js'

t.test('livez and readyz report that the service runs and is ready', async (t) => {
  const { send } = await build(t)
  t.match(await send('GET', '/livez'), { status: 200, body: { status: 'ok' } })
  t.match(await send('GET', '/readyz'), { status: 200, body: { ready: true, store: { kind: 'embedded', up: true }, snapshot: { stale: false }, warnings: [] } })
  await until('it leads', async () => (await send('GET', '/readyz')).body.learner.leader)
})

t.test('every metric of the contract is present and counts', async (t) => {
  const built = await build(t)
  const { send } = built
  await certify(built)
  await send('POST', '/v1/outcomes', losslessOutcome('twice'))
  await send('POST', '/v1/outcomes', losslessOutcome('twice'))
  await send('POST', '/v1/decisions', { arm: 'treated', tokens: 32, confidence: 1, context: { model: 'q', task: 'gsm8k' } })
  const { status, body } = await send('GET', '/metrics')
  t.equal(status, 200)
  for (const name of [
    'decisions_total', 'decision_duration_seconds', 'http_request_duration_seconds', 'outcomes_total', 'outcome_log_lag', 'snapshot_version', 'snapshot_age_seconds', 'store_up', 'learner_leader', 'drift_alarms_total', 'context_threshold', 'context_em_drop', 'context_tokens_saved_ratio', 'context_control_generations', 'probe_tokens_total', 'probe_prefill_tokens_total',
  ]) t.match(body, `# TYPE stopgate_${name} `, name)
  t.match(body, 'stopgate_decisions_total{decision="stop",reason="score_at_threshold"} 1\n')
  t.match(body, 'stopgate_outcomes_total{result="duplicate",arm="control"} 1\n')
  t.match(body, `stopgate_context_em_drop{context="${KEY}"} 0\n`)
  t.match(body, `stopgate_context_tokens_saved_ratio{context="${KEY}"} 0.5\n`)
  t.match(body, 'stopgate_store_up 1\n')
  t.match(body, 'stopgate_learner_leader 1\n')
  t.match(body, 'process_cpu_seconds_total')
})

t.test('where tokens are required, readiness names contexts only to an operator who may see all of them', async (t) => {
  const names = { all: 'operator', bound: 'operator', worker: 'worker' } as const
  const secretOf = (name: string) => name.padEnd(43, 'x')
  const ACCESS_TOKENS = JSON.stringify(Object.entries(names).map(([name, role]) =>
    ({ name, role, sha256: sha256(secretOf(name)), ...(name === 'bound' && { prefix: 'model=other' }) })))
  const { app, store, snapshotHolder } = await build(t, { ACCESS_TOKENS })
  await store.append([{ type: 'policy', key: 'model=secret', policy: { max_em_drop: 'damaged' } as never, by: 'x' }])
  await snapshotHolder.refresh()
  const warningsFor = async (headers: Record<string, string>) => JSON.stringify((await app.inject({ url: '/readyz', headers })).json().warnings)
  t.match(await warningsFor({ authorization: `Bearer ${secretOf('all')}` }), /model=secret/)
  for (const authorization of ['', `Bearer ${secretOf('bound')}`, `Bearer ${secretOf('worker')}`, 'Bearer nobody']) {
    const warnings = await warningsFor({ authorization })
    t.match(warnings, /cannot be read.*token of an operator/, authorization)
    t.notMatch(warnings, /secret/)
  }
})

t.test('without tokens, readiness names contexts only to callers of this machine', async (t) => {
  const { app, store, snapshotHolder } = await build(t)
  await store.append([{ type: 'policy', key: 'model=secret', policy: { max_em_drop: 'damaged' } as never, by: 'x' }])
  await snapshotHolder.refresh()
  t.match((await app.inject({ url: '/readyz', headers: { host: 'localhost:8080' } })).body, /model=secret/)
  t.notMatch((await app.inject({ url: '/readyz', headers: { host: 'evil.example' } })).body, /secret/)
})
