import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import type { ContextState } from '../../src/core/contexts/context-state.js'
import { gradeOutcome, type ReportedOutcome } from '../../src/core/outcome/outcome.js'
import { createStore } from '../../src/store/open/create-store.js'
import { memoryFold } from '../core/reducer/memory-fold.js'
import { until } from '../helper.js'
import { mulberry32 } from '../random.js'
import { DURABLE, startRedis, withoutRedis } from '../redis-server.js'
import { startProcess, type ServiceProcess } from '../service-process.js'

// Sends outcomes to two replicas on one Redis, and kills and restarts the learner at random times. The state must equal that of one process
// that folds the same outcomes in order. `npm run volume` does it with a million outcomes.

const OUTCOMES = Number(process.env.OUTCOMES ?? 6_000)
const BATCH = 500
const POLICY = { follow_up_seconds: 0, max_em_drop: 0.2 } // a tenth has no label or no steps and counts as lost

/** Outcomes of every kind: of both arms, lost and gained, without label or steps, of groups, in several contexts. */
function outcomeOf (random: () => number, i: number): ReportedOutcome {
  const em = random() < 0.9 ? 1 : 0
  const probe = random() < 0.02 ? 1 - em : em
  const arm = random() < 0.7 ? 'control' : 'treated'
  return {
    generation_id: `g${i}`,
    ...(random() < 0.95 && { arm }),
    ...(random() < 0.1 && { group_id: `p${i % 50}`, sample_index: i % 3 }),
    context: { model: 'q', task: `task-${Math.floor(random() * 5)}` },
    tokens: 96 + Math.floor(random() * 100),
    ...(random() < 0.95 && { em: em as 0 | 1 }),
    ...(random() < 0.95 && {
      steps: [{ tokens: 32, confidence: random(), em: probe as 0 | 1 }, { tokens: 64, confidence: 0.99, em: em as 0 | 1 }],
    }),
  }
}

/** The counts and evidence of a state, without its times, which differ from run to run. */
function counts ({ evidence, drift, threshold_index, guarantee, control_share, arms, ...rest }: ContextState) {
  const { generations, treated, certified, follow_up, epoch, epoch_cause } = rest
  const sums = { generations, treated, certified, follow_up, evidence, arms, drift }
  return { ...sums, epoch, epoch_cause, threshold_index, guarantee, control_share }
}

const options = { skip: withoutRedis, timeout: OUTCOMES + 600_000 }

t.test(`${OUTCOMES} outcomes, two replicas, a learner that is killed: each counts exactly once`, options, async (t) => {
  const redis = await startRedis(t, DURABLE)
  // A batch must be learned within the lease, also on a busy machine.
  const env = { REDIS_URL: redis.url, DEFAULT_POLICY: JSON.stringify(POLICY), MAX_EM_DROP_LIMIT: '0.2', LEASE_SECONDS: '4', POLL_SECONDS: '0.2' }
  const replicas: ServiceProcess[] = [startProcess(t, env), startProcess(t, env)]
  await Promise.all(replicas.map((replica) => replica.url()))
  const random = mulberry32(42)
  const outcomes = Array.from({ length: OUTCOMES }, (_, i) => outcomeOf(random, i))

  const sent = new AbortController()
  let kills = 0
  const killer = (async () => {
    const draw = mulberry32(7)
    while (!sent.signal.aborted) {
      await setTimeout(100 + 800 * draw())
      for (const [i, replica] of replicas.entries()) {
        const isLeader = await replica.get('/readyz').then(({ body }) => body.learner?.leader, () => false)
        if (!isLeader || sent.signal.aborted) continue
        replica.child.kill('SIGKILL')
        kills++
        await replica.exited
        replicas[i] = startProcess(t, env)
        await replicas[i].url()
        break
      }
    }
  })()

  let longest = 0
  for (let i = 0; i < OUTCOMES; i += BATCH) {
    const body = { outcomes: outcomes.slice(i, i + BATCH) }
    for (let attempt = 0; ; attempt++) { // a worker sends until it is accepted
      const reply = await replicas[attempt % 2]!.post('/v1/outcomes/batch', body).catch(() => null)
      if (reply?.status === 202) {
        t.equal(reply.body.accepted + reply.body.duplicates, body.outcomes.length, `batch ${i / BATCH}`)
        break
      }
      await setTimeout(20)
    }
    if (i % (20 * BATCH) === 0) {
      const { body: model } = await replicas[0]!.get('/v1/snapshot').catch(() => ({ body: {} }))
      longest = Math.max(longest, model.learner?.log_lag ?? 0)
    }
  }
  sent.abort()
  await killer
  t.ok(kills > 0, `the learner was killed ${kills} times; the log was ${longest} entries long at most where it was looked at`)

  const store = await createStore({ redisUrl: redis.url, dataDir: '', dedupSeconds: 1 })
  t.teardown(() => store.close())
  await until('all are learned', async () => (await store.revision()).lag === 0, 240 + OUTCOMES / 5000)
  const { salt } = await store.revision()
  const fold = memoryFold(POLICY)
  for (const outcome of outcomes) fold.append(gradeOutcome(salt, outcome))
  const { contexts } = await store.learned()
  t.strictSame([...contexts.keys()].sort(), [...fold.states.keys()].sort())
  for (const [key, state] of fold.states) t.same(counts(contexts.get(key)!), counts(state), key)
  t.ok([...contexts.values()].some((state) => state.threshold_index !== -1), 'thresholds are in force')
})
