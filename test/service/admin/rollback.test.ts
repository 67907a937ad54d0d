import t from 'tap'
import { certify, CONTEXT, KEY } from '../../certify.js'
import { giveConfirmed } from '../../confirmed.js'
import { build, until } from '../../helper.js'

const origin = { by: 'ops', reason: 'incident 42' }
const pin = (key: string, threshold: number | null) => ({ type: 'pin', key, pin: { threshold, reason: 'r', by: 'eve', expires_at: null }, by: 'eve', reason: 'r' }) as const

t.test('every earlier version can be restored', async (t) => {
  const built = await build(t, { DEFAULT_POLICY: '{"follow_up_seconds":0}' })
  const { store, send, rollback } = built
  const inForce = async () => {
    const { contexts } = (await send('GET', '/v1/contexts')).body
    return new Map(contexts.map(({ key, threshold }: { key: string, threshold: number | null }) => [key, threshold]))
  }
  const moments: { version: number, thresholds: Map<unknown, unknown> }[] = []
  for (const act of [
    () => certify(built),
    () => store.append([pin('model=q', 0.7)]),
    () => certify(built, { model: 'q', task: 'other' }),
    () => store.append([{ type: 'reset', key: KEY, ...origin }]),
    () => store.append([pin(KEY, 0.9), pin('model=q', null)]),
    () => giveConfirmed(rollback.to, { ...origin, version: moments[1]!.version }),
    () => giveConfirmed(rollback.end, origin),
    () => store.append([{ type: 'policy', key: 'model=q', policy: { max_em_drop: 0.3 }, ...origin }]),
  ]) {
    await act()
    await until('all is learned', async () => (await store.revision()).lag === 0)
    moments.push({ version: (await store.revision()).version, thresholds: await inForce() })
  }
  t.ok(new Set(moments.map(({ thresholds }) => JSON.stringify([...thresholds]))).size > 4, 'they differ')
  for (const { version, thresholds } of moments) {
    const { contexts } = await rollback.to({ ...origin, version, dry_run: true })
    for (const { key, after } of contexts) if (thresholds.has(key)) t.equal(after, thresholds.get(key), `${key} at ${version}`)
    t.ok(contexts.length >= thresholds.size)
  }
})

t.test('all pins of a rollback make one version', async (t) => {
  const built = await build(t)
  await certify(built)
  const { version } = await built.store.revision()
  const start = Date.now()
  await giveConfirmed(built.rollback.to, { ...origin, version, expires_in_seconds: 60 })
  t.same(new Set((await built.store.audit(10)).map((row) => row.version)), new Set([version + 1]))
  const pins = await built.store.pins()
  t.same([...pins.keys()].sort(), ['*', 'model=q', KEY], 'contexts whose threshold is the same are pinned as well')
  const madeAt = pins.get(KEY)!.expires_at! - 60_000
  t.ok(start <= madeAt && madeAt <= Date.now())
  t.equal(built.snapshotHolder.decideStep({ arm: 'treated', tokens: 32, confidence: 1, context: CONTEXT }).decision.guarantee, null, 'in force here already')
})

t.test('the history has the thresholds before and after every change, also in the contexts of a pool', async (t) => {
  const { store, send, rollback } = await build(t, { DEFAULT_POLICY: '{"follow_up_seconds":0,"certify_at":"model"}' })
  const outcome = { generation_id: 'a', arm: 'treated', context: CONTEXT, tokens: 64, em: 1 }
  t.equal((await send('POST', '/v1/outcomes', outcome)).status, 202)
  await until('the context is there', async () => (await send('GET', '/v1/contexts')).body.contexts.length === 3)
  const { version } = await store.revision()
  await store.append([pin('model=q', 0.9)])
  const moves = async (step: () => Promise<unknown>) => {
    await step()
    await until('all is learned', async () => (await store.revision()).lag === 0)
    const { changes } = (await send('GET', '/v1/history?limit=3')).body
    return Object.fromEntries(changes.map(({ key, before, after }: Record<string, unknown>) => [key, [before, after]]))
  }
  t.same(await moves(() => giveConfirmed(rollback.to, { ...origin, version })), { '*': [null, null], 'model=q': [0.9, null], [KEY]: [0.9, null] })
  await store.append([pin('*', 0.8), pin('model=q', 0.7), pin(KEY, 0.6)].map((one) => ({ ...one, pin: { ...one.pin, rollback: 1 } })))
  t.same(await moves(() => giveConfirmed(rollback.end, origin)), { '*': [0.8, null], 'model=q': [0.7, null], [KEY]: [0.6, null] })
})

t.test('a rollback restores the policies of its version where it is asked to, and needs a confirmation for that', async (t) => {
  const { store, send, rollback } = await build(t)
  const policies = async () => Object.fromEntries(await store.policies())
  await send('PUT', '/v1/contexts/model=q/policy', { max_em_drop: 0.01 })
  await send('PUT', '/v1/contexts/model=r/policy', { mode: 'shadow' })
  const { version } = await store.revision()
  const before = await policies()
  await send('PUT', '/v1/contexts/model=q/policy', { max_em_drop: 0.09 })
  await send('PATCH', '/v1/contexts/model=q/policy', { mode: 'off' })
  await send('DELETE', '/v1/contexts/model=r/policy')
  await send('PUT', '/v1/contexts/model=s/policy', { mode: 'shadow' })
  t.match(await rollback.to({ ...origin, version, dry_run: true }), { policies: [] }, 'by default they stay')
  const plan = await rollback.to({ ...origin, version, policies: true, dry_run: true })
  t.same(plan.policies, [
    { key: 'model=q', before: { max_em_drop: 0.09, mode: 'off' }, after: { max_em_drop: 0.01 } },
    { key: 'model=r', before: null, after: { mode: 'shadow' } },
    { key: 'model=s', before: { mode: 'shadow' }, after: null },
  ])
  await t.rejects(rollback.to({ ...origin, version, policies: true }), { code: 'UNCONFIRMED' })
  await rollback.to({ ...origin, version, policies: true, confirm: plan.confirm })
  t.same(await policies(), before)
})

t.test('a rollback does not restore a policy that may not be stated any more', async (t) => {
  const { store, send, rollback } = await build(t)
  await store.append([{ type: 'policy', key: 'model=q', policy: { max_em_drop: 0.3 }, ...origin }])
  await until('all is learned', async () => (await store.revision()).lag === 0)
  const { version } = await store.revision()
  await send('PUT', '/v1/contexts/model=q/policy', { max_em_drop: 0.01 })
  await t.rejects(rollback.to({ ...origin, version, policies: true, dry_run: true }), { code: 'INVALID_POLICY', message: /max_em_drop/ })
})
