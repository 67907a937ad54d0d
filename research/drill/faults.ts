import { KEY } from '../../test/certify.js'
import { until } from '../../test/helper.js'
import type { Drill, StoreKind } from './drill.js'
import { certify, costlyProbes, type DrillFleet, hastyRuns, rightRuns, send, servedWrongly, succeeded, wronglyStopped } from './fleet.js'

/** A fault that is caused in a fleet of its own. */
export interface Fault {
  readonly name: string
  /** Settings that differ from those of other faults. */
  readonly settings?: NodeJS.ProcessEnv
  /** Whether it needs a day to pass. The clock of Redis, by which replicas learn, cannot be set. */
  readonly hasOwnClock?: boolean
  /** Whether only replicas that outlive the store can notice it. */
  readonly isOfRedis?: boolean
  readonly play: (fleet: DrillFleet, drill: Drill) => Promise<void>
}

const REASON = { reason: 'drill' }
const POLICY = `/v1/contexts/${KEY}/policy`

const hasAlarm = (alarm: string) => ({ alarms }: any) => alarms.some((row: any) => row.alarm === alarm)

async function pause (fleet: DrillFleet, { fault, action }: Drill): Promise<void> {
  const { page, readyz, metric, alert } = fleet.signs
  await certify(fleet)
  await Promise.all([
    action({ text: 'PUT /v1/pause on one replica', act: () => fleet.replica.put('/v1/pause', REASON), isDone: () => fleet.decide('continue', 'off') }),
    fault(async () => {}, [
      page('/v1/pause', 'stopping is paused', ({ paused }) => paused), readyz('Stopping is paused on all replicas'), metric('stopgate_paused'), alert('Paused'),
    ]),
  ])
  await action({ text: 'the pause is ended', act: () => fleet.replica.delete('/v1/pause?reason=drill'), isDone: () => fleet.decide('stop') })
}

async function pauseWithoutStore (fleet: DrillFleet, { fault, action }: Drill): Promise<void> {
  const { page, readyz, metric, alert } = fleet.signs
  await certify(fleet)
  let bringBack = async () => {}
  await fault(async () => { bringBack = await fleet.loseStore() }, [
    page('/readyz', 'the store is away', ({ store }) => !store.up), readyz(fleet.store === 'redis' ? 'The store cannot be reached' : 'Make room on the disk'),
    metric('stopgate_store_up', (value) => value === 0), alert('StoreDown'),
  ], () => fleet.replica.post('/v1/outcomes/batch', { outcomes: rightRuns(100) }))
  await action({ text: 'PUT /v1/pause on each replica', act: () => Promise.all(fleet.replicas().map((replica) => replica.put('/v1/pause', REASON))), isDone: () => fleet.decide('continue', 'off') })
  await action({
    text: 'the store is back, and has the pause',
    act: bringBack,
    isDone: () => fleet.onAll(async (replica) => (await replica.get('/v1/pause')).body.stored),
  })
  await action({ text: 'the pause is ended', act: () => fleet.replica.delete('/v1/pause?reason=drill'), isDone: () => fleet.decide('stop') })
}

async function storeLost (fleet: DrillFleet, { fault, action }: Drill): Promise<void> {
  const { page, readyz, metric, alert } = fleet.signs
  await certify(fleet)
  await fleet.exportState()
  await fault(() => fleet.emptyRedis(), [
    page('/v1/store-loss', 'the store was lost', ({ lost }) => lost), readyz('the store is another one than before'), metric('stopgate_store_lost'), alert('StoreLost'),
  ])
  await action({
    text: 'import of the last export, after which evidence begins again',
    act: () => fleet.importState(),
    isDone: () => fleet.onAll(async (replica) => (await replica.get(`/v1/contexts/${encodeURIComponent(KEY)}`)).body.epoch === 2),
  })
  await action({
    text: 'POST /v1/store-loss/acknowledgement',
    act: () => fleet.replica.post('/v1/store-loss/acknowledgement', REASON),
    isDone: () => fleet.onAll(async (replica) => (await replica.get('/readyz')).body.warnings.length === 0),
  })
}

async function boundRefused (fleet: DrillFleet, { fault }: Drill): Promise<void> {
  const { page } = fleet.signs
  await certify(fleet, hastyRuns(800))
  await fault(async () => {}, [
    fleet.signs.call(`PUT ${POLICY}`, '"for half a point state 0.005"', async (replica) => {
      const { status, body } = await replica.put(POLICY, { max_em_drop: 0.5 })
      return status === 400 && body.message.includes('for half a point state 0.005')
    }),
    fleet.signs.call('a dry run', 'a bound of 0.1 would lose more EM, and save more tokens', async (replica) => {
      const { body: { contexts: [row] } } = await replica.put(`${POLICY}?dry_run=true`, { max_em_drop: 0.1 })
      return row.em_drop_after > row.em_drop_before && row.tokens_saved_ratio_after > row.tokens_saved_ratio_before
    }),
    page(POLICY, 'the bound is still 0.02', ({ effective }) => effective.max_em_drop === 0.02),
  ])
}

async function boundAccepted (fleet: DrillFleet, { fault, action }: Drill): Promise<void> {
  const { page, metric, alert } = fleet.signs
  await send(fleet, rightRuns(1))
  await until('the context is known', async () => (await fleet.replica.get(`/v1/contexts/${KEY}`)).status === 200)
  succeeded(await fleet.replica.put(`${POLICY}?reason=a+slip`, { max_em_drop: 0.5 }))
  await fault(async () => {}, [
    page('/v1/fleet', 'the alarm large_loss', hasAlarm('large_loss')), metric(`stopgate_context_em_drop_low{context="${KEY}"}`, (value) => value > 0.05), alert('LargeLoss'),
  ], () => send(fleet, [...rightRuns(14), ...wronglyStopped(6)]))
  await action({
    text: 'DELETE of the policy',
    act: async () => await fetch(`${await fleet.replica.url()}${POLICY}`, { method: 'DELETE' }),
    isDone: () => fleet.decide('continue'),
  })
}

async function policyChanged (fleet: DrillFleet, { fault, action }: Drill): Promise<void> {
  const { page, metric } = fleet.signs
  await certify(fleet)
  await fault(async () => { succeeded(await fleet.replica.put('/v1/contexts/model=q/policy?reason=a+trial', { mode: 'shadow', max_em_drop: 0.1 })) }, [
    page('/v1/audit', 'who set it, when and why, and the policy before it', ({ commands: [row] }) => row.reason === 'a trial' && row.replaced === null),
    page('/v1/fleet', 'one context in shadow', ({ by_mode: modes }) => modes.shadow === 1),
    metric(`stopgate_context_max_em_drop{context="${KEY}"}`, (value) => value === 0.1),
    metric('stopgate_decisions_total{decision="continue",reason="shadow"', (value) => value > 0),
  ], () => fleet.decide('continue', 'shadow'))
  await action({
    text: 'PUT of the policy before it, from the audit trail',
    act: async () => { succeeded(await fleet.replica.put('/v1/contexts/model=q/policy?reason=back', {})) },
    isDone: () => fleet.decide('stop'),
  })
}

async function drifted (fleet: DrillFleet, { fault, action }: Drill): Promise<void> {
  const { page, metric, alert } = fleet.signs
  await certify(fleet)
  await fault(async () => {}, [
    page('/v1/fleet', 'the alarm drift', hasAlarm('drift')), metric(`stopgate_withdrawal_timestamp_seconds{context="${KEY}",cause="drift"}`, (value) => value > 0), alert('Drift'),
  ], () => send(fleet, wronglyStopped(5)))
  await action({ text: 'none is needed: the threshold is withdrawn', act: async () => {}, isDone: () => fleet.decide('continue') })
}

async function breached (fleet: DrillFleet, { fault, action }: Drill): Promise<void> {
  const { page, readyz, metric, alert } = fleet.signs
  await certify(fleet)
  await fault(async () => {}, [
    page('/v1/fleet', 'the alarm breach', hasAlarm('breach')), readyz('recent stops served another answer than was probed'),
    metric(`stopgate_breaches_total{context="${KEY}"}`), alert('Breach'),
  ], () => send(fleet, servedWrongly(5)))
  await action({
    text: 'POST .../reset once the workers are repaired, and some 200 right full runs',
    act: async () => { succeeded(await fleet.replica.post(`/v1/contexts/${KEY}/reset`, REASON)) },
    isDone: () => fleet.decide('stop'),
  }, () => send(fleet, rightRuns(20)))
}

async function learnerDies (fleet: DrillFleet, { fault, action }: Drill): Promise<void> {
  const { page, metric, alert } = fleet.signs
  await certify(fleet)
  const learner = await until('there is a learner', async () => {
    for (const replica of fleet.replicas()) if ((await replica.get('/v1/snapshot')).body.learner.leader) return replica
    return null
  })
  let port = 0
  const isAlone = fleet.replicas().length === 1
  const kill = async () => { port = await fleet.kill(learner) }
  if (isAlone) await fault(kill, [alert('Down'), alert('ReplicaDown')])
  else await fault(kill, [page('/v1/snapshot', 'the other replica learns', (body) => body.learner.leader), metric('stopgate_learner_leader'), alert('ReplicaDown')])
  if (!isAlone) {
    const learned = async () => (await fleet.replica.get(`/v1/contexts/${KEY}`)).body.generations?.control
    const before = await learned()
    await action({ text: 'none is needed: an outcome is learned', act: () => send(fleet, rightRuns(1)), isDone: async () => await learned() > before })
  }
  await action({ text: 'the replica is started again, and stops', act: async () => { fleet.startAgain(port) }, isDone: () => fleet.decide('stop') })
}

async function tokensLost (fleet: DrillFleet, { fault, action }: Drill): Promise<void> {
  const { page, readyz, metric, alert } = fleet.signs
  await fault(async () => {}, [
    page('/v1/fleet', 'tokens saved are negative', ({ tokens_saved: saved }) => saved < 0), page('/v1/fleet', 'the alarm tokens_lost', hasAlarm('tokens_lost')),
    readyz('would save less than its probes cost'), metric('stopgate_contexts_warned{warning="tokens_lost"}'), alert('ContextWarned'),
  ], () => send(fleet, costlyProbes(20)))
  await action({
    text: 'mode off, so that nothing is probed',
    act: async () => { succeeded(await fleet.replica.put(POLICY, { mode: 'off' })) },
    isDone: () => fleet.decide('continue', 'off'),
  })
}

/** Stops save nothing, and all of the last day's generations were probed. */
async function dayLost (fleet: DrillFleet, { fault, action }: Drill): Promise<void> {
  const { page, readyz, metric, alert } = fleet.signs
  await send(fleet, costlyProbes(10))
  fleet.passHours(25)
  await fault(async () => {}, [
    page('/v1/fleet', 'the alarm tokens_lost', hasAlarm('tokens_lost')), metric(`stopgate_context_tokens_saved_last_day{context="${KEY}"}`, (value) => value < 0),
    readyz('probes cost more tokens than stops saved'), metric('stopgate_contexts_warned{warning="tokens_lost"}', (value) => value > 0), alert('ContextWarned'),
  ], () => send(fleet, costlyProbes(2)))
  await action({
    text: 'mode off, so that nothing is probed',
    act: async () => { succeeded(await fleet.replica.put(POLICY, { mode: 'off' })) },
    isDone: () => fleet.decide('continue', 'off'),
  })
}

export const FAULTS: readonly Fault[] = [
  { name: 'Stopping must be paused', play: pause },
  { name: 'Stopping must be paused, and the store is away', play: pauseWithoutStore },
  { name: 'The store is lost', isOfRedis: true, play: storeLost },
  { name: 'A bound of 0.5 is typed', play: boundRefused },
  { name: 'A bound of 0.5 is in force, since MAX_EM_DROP_LIMIT was raised', settings: { MAX_EM_DROP_LIMIT: '0.5' }, play: boundAccepted },
  { name: 'Somebody changed a policy', play: policyChanged },
  { name: 'A bad deploy: stops would lose answers', play: drifted },
  { name: 'A bad deploy: other answers are served than were probed', play: breached },
  { name: 'The learner dies', play: learnerDies },
  { name: 'Probes cost more than stops save', play: tokensLost },
  { name: 'Tokens are lost instead of saved, over a day', hasOwnClock: true, play: dayLost },
]

/** Whether the drill can play a fault with a store. */
export const isPlayed = ({ hasOwnClock = false, isOfRedis = false }: Fault, store: StoreKind): boolean =>
  store === 'embedded' ? !isOfRedis : !hasOwnClock
