import { pino } from 'pino'
import t from 'tap'
import { snapshotStatus, readiness as readinessFor } from '../../../src/service/health/readiness.js'
import { startLearner } from '../../../src/service/learner/learner.js'
import { certify, losslessOutcome } from '../../certify.js'
import { build, until } from '../../helper.js'
import { quickPolicy } from '../../quick-policy.js'

const readiness = (services: Parameters<typeof readinessFor>[0]) => readinessFor(services, true)

t.test('the status counts contexts and the thresholds that their evidence certifies', async (t) => {
  const services = await build(t)
  t.match(snapshotStatus(services), { thresholds_in_force: 0, levels: ['model', 'task'], stale: false, store: { kind: 'embedded', up: true } })
  await certify(services)
  const { contexts, thresholds_in_force: inForce, version } = snapshotStatus(services)
  t.ok(contexts > 0 && inForce > 0 && inForce <= contexts, `${inForce} of ${contexts}`)
  t.equal(version, services.snapshotHolder.snapshot().version)
})

t.test('a replica with a snapshot is ready and has no warnings', async (t) => {
  const services = await build(t)
  t.match(await readiness(services), { ready: true, store: { kind: 'embedded', up: true }, snapshot: { stale: false }, warnings: [] })
})

t.test('a replica without a snapshot is not ready', async (t) => {
  const services = await build(t)
  const snapshotHolder = { ...services.snapshotHolder, ageSeconds: () => null }
  t.match(await readiness({ ...services, snapshotHolder }), { ready: false, snapshot: { age_seconds: null } })
})

t.test('each part that has a problem adds a warning', async (t) => {
  const services = await build(t)
  const failing = (problem: string) => ({ problem: () => problem })
  const { warnings } = await readiness({
    ...services,
    store: { kind: 'redis', isUp: () => false, warnings: async () => { throw new Error('gone') } },
    snapshotHolder: { ...services.snapshotHolder, ...failing('broken state') },
    learner: { isLeader: () => false, ...failing('broken learner') },
    configurations: failing('other levels'),
    access: { ...failing('broken tokens'), prefixes: () => [] },
    tls: failing('broken certificate'),
  })
  t.match(warnings, [
    /^The store cannot be reached/, /broken learner/, /broken state/, /other levels/, /broken tokens/, /broken certificate/,
  ])
  t.equal(warnings.length, 6)
})

t.test('a stalled learner is reported while outcomes wait, whatever the cause, and no longer once they are learned', async (t) => {
  const { config, store, learner, send } = await build(t, { MAX_STALENESS_SECONDS: '2' })
  await learner.close() // its `problem` says nothing
  const warnings = async () => (await send('GET', '/readyz')).body.warnings.join()
  t.equal(await warnings(), '')
  for (const id of ['g1', 'g2']) t.equal((await send('POST', '/v1/outcomes', losslessOutcome(id))).status, 202)
  const warned = await until('it is reported', warnings)
  t.match(warned, /^Outcomes are stored but not yet learned: [1-9]\d* log entries wait, the oldest for [1-9]\d* s\./)
  const next = startLearner({ store, config, log: pino({ level: 'silent' }) })
  t.teardown(() => next.close())
  await until('the outcomes are learned', async () => await warnings() === '')
})

t.test('contexts whose workers report incorrectly are counted, and five of them are named', async (t) => {
  const services = await build(t)
  const model = services.snapshotHolder.loaded()
  const [root] = model.links.values()
  const keys = Array.from({ length: 7 }, (_, i) => `model=m${i}`)
  const links = new Map(keys.map((key, i) => [key, { ...root!, key, warnings: [i < 6 ? 'outcomes_missing' as const : 'left_out_high' as const] }]))
  const snapshotHolder = { ...services.snapshotHolder, loaded: () => ({ ...model, links }) }
  const { ready, warnings } = await readiness({ ...services, snapshotHolder })
  t.ok(ready)
  t.match(warnings, [
    /^In 6 contexts most enrolled generations are missing, .*: model=m0, model=m1, model=m2, model=m3, model=m4$/,
    /^In one context more control generations are left out of the evidence .*: model=m6$/,
  ])
})

t.test('warnings that an outage of the store causes do not blame workers for a time', async (t) => {
  const services = await build(t)
  const model = services.snapshotHolder.loaded()
  const [root] = model.links.values()
  const links = new Map([['*', { ...root!, warnings: ['outcomes_missing' as const, 'grader_unseen' as const] }]])
  const snapshotHolder = { ...services.snapshotHolder, loaded: () => ({ ...model, links }), wasStoreAway: () => true }
  const { warnings } = await readiness({ ...services, snapshotHolder })
  t.match(warnings, [
    /^In one context most enrolled generations are missing, .* The store was away in the last half an hour, /,
    /^In one context EM is the same .*(state|send)/,
  ])
})

t.test('contexts that their pool does not cover are named', async (t) => {
  const services = await build(t, { DEFAULT_POLICY: '{"certify_at":"model"}' })
  const model = services.snapshotHolder.loaded()
  const [root] = model.links.values()
  const links = new Map(['*', 'model=q', 'model=q,task=a', 'model=q,task=b'].map((key) =>
    [key, { ...root!, key, policy: { ...root!.policy, ...(key.endsWith('a') && { max_em_drop: 0.01 }) } }]))
  const { warnings } = await readiness({ ...services, snapshotHolder: { ...services.snapshotHolder, loaded: () => ({ ...model, links }) } })
  t.match(warnings, [/^These contexts differ from their pool .*: model=q,task=a$/])
})

t.test('contexts that have left their pool are named, until its next epoch', async (t) => {
  const services = await build(t, { DEFAULT_POLICY: '{"certify_at":"model"}' })
  const model = services.snapshotHolder.loaded()
  const [root] = model.links.values()
  const linkOf = (key: string, epochName: string) => [key, { ...root!, key, epochName, leftEpoch: key.endsWith('a') ? '7-1' : null }] as const
  const warningsIn = async (epoch: string) => {
    const links = new Map(['*', 'model=q', 'model=q,task=a', 'model=q,task=b'].map((key) => linkOf(key, epoch)))
    // it was a leaf when the only level was the model
    links.set('model=once', { ...root!, key: 'model=once', policy: { ...root!.policy, certify_at: 'task' }, epochName: '6-1', leftEpoch: '7-1' })
    return (await readiness({ ...services, snapshotHolder: { ...services.snapshotHolder, loaded: () => ({ ...model, links }) } })).warnings
  }
  t.match(await warningsIn('7-1'), [/^These contexts have left their pool, .*: model=q,task=a$/])
  t.same(await warningsIn('8-1'), [])
})

t.test('outcomes of a worker that invents signal names are counted', async (t) => {
  const { send } = await build(t, { DEFAULT_POLICY: quickPolicy() })
  let invented = 0
  const report = async () => {
    const outcome = losslessOutcome(`g${invented}`)
    const steps = outcome.steps.map((step) => ({ ...step, signals: Object.fromEntries(Array.from({ length: 16 }, () => [`name-${invented++}`, 1])) }))
    await send('POST', '/v1/outcomes', { ...outcome, steps })
  }
  await until('they are counted', async () => {
    await report()
    return /stopgate_context_follow_up\{context="model=q,task=gsm8k",state="signals_refused"\} [1-9]/.test((await send('GET', '/metrics')).body)
  })
})
