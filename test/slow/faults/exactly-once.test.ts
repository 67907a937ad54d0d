import t from 'tap'
import type { ContextState } from '../../../src/core/learn/context-state.js'
import type { LogEntry } from '../../../src/core/learn/log-entry.js'
import { gradeOutcome, type LoggedOutcome, type ReportedOutcome } from '../../../src/core/outcome/outcome.js'
import { contextKey, ROOT } from '../../../src/core/policy/context.js'
import { createStore } from '../../../src/store/open/create-store.js'
import { memoryFold } from '../../core/learn/memory-fold.js'
import { until } from '../../helper.js'
import { mulberry32 } from '../../random.js'
import { DURABLE, startRedis, withoutRedis } from '../../redis-server.js'
import { startProcess, type ServiceProcess } from '../../service-process.js'
import { QUICK_POLICY, SHUFFLED } from '../../quick-policy.js'

// Sends outcomes to two replicas on one Redis, and kills and restarts the learner at random points of its work. The state must equal that
// of one process that folds the same outcomes in order. `npm run volume` does it with a million outcomes.

const OUTCOMES = Number(process.env.OUTCOMES ?? 6_000)
const BATCH = 500
const LEVELS = ['model', 'task']
// A tenth has no label or no steps and counts as lost. The follow-up leaves time for kills on a busy machine; the test ends it at last.
const POLICY = { ...QUICK_POLICY, ...SHUFFLED, follow_up_seconds: 60, max_em_drop: 0.2, control_rate: 1 }

/** Outcomes of every kind: of both arms, lost and gained, without label or steps, of groups, in several contexts. */
function outcomeOf (random: () => number, i: number): ReportedOutcome {
  const em = random() < 0.9 ? 1 : 0
  const probe = random() < 0.02 ? 1 - em : em
  const arm = random() < 0.7 ? 'control' : 'treated'
  return {
    generation_id: `g${i}`,
    ...(random() < 0.95 && { arm }),
    ...(random() < 0.1 ? { group_id: `p${Math.floor(i / BATCH)}-${i % 50}`, sample_index: i % 3 } : { samples: 1 }),
    context: { model: 'q', task: `task-${Math.floor(random() * 5)}` },
    tokens: 96 + Math.floor(random() * 100),
    ...(random() < 0.95 && { em: em as 0 | 1 }),
    ...(random() < 0.95 && {
      steps: [{ tokens: 32, confidence: random(), em: probe as 0 | 1 }, { tokens: 64, confidence: 0.99, em: em as 0 | 1 }],
    }),
  }
}

/**
 * The counts, the evidence and the certificate of a state. Times differ from run to run, and with them the ends of slices and the moment at
 * which a threshold comes into force: so do the detectors, the sums of both arms since then, and the units of the guarantee.
 */
function counts ({ epoch: { number, cause }, evidence: { final, certified }, reports, rule, savings: { probe_tokens } }: ContextState) {
  const { generations, treated, grader, follow_up } = reports
  // Slices add parts of groups in another order.
  const rounded = Object.fromEntries(Object.entries(follow_up).map(([name, count]) => [name, Math.round(1e6 * count) / 1e6]))
  const sums = { final, generations, treated, probe_tokens, grader, follow_up: rounded }
  const { index, guarantee, control_share } = rule
  const promise = guarantee && { ...guarantee, since: 0, until: 0, units: 0 }
  return { ...sums, certified, index, guarantee: promise, control_share, epoch: { number, cause } }
}

/** The lists that enrol the control generations of a batch, one for each context. */
function listsOf (outcomes: readonly LoggedOutcome[], number: number): LogEntry[] {
  const control = outcomes.filter(({ arm }) => arm !== 'treated')
  const keyOf = ({ context }: LoggedOutcome) => contextKey(LEVELS, context)
  return [...new Set(control.map(keyOf))].map((key) => {
    const draws = control.filter((outcome) => keyOf(outcome) === key).map(({ u, hash }) => [u, hash] as const)
    return { type: 'enrolment', boot: key, number, age: 0, entries: [{ key, epoch: null, share: 1, draws }] }
  })
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

  const store = await createStore({ redisUrl: redis.url, dataDir: '', dedupSeconds: 1 })
  t.teardown(() => store.close())
  const { salt } = await store.revision()
  const fold = memoryFold(POLICY)

  let appended = 0
  /** Kills the learner at random points of its work, of which there are as many on any machine. */
  async function kill (): Promise<number> {
    const draw = mulberry32(7)
    const share = Math.max(2000, OUTCOMES / 100)
    let kills = 0
    for (let point = share * draw(); point < OUTCOMES; point += share * (0.5 + draw())) {
      await until('the learner has come so far', async () => appended - (await store.revision()).lag >= point, 600)
      const leader = await until('a replica learns', async () => {
        const leads = await Promise.all(replicas.map((replica) => replica.get('/readyz').then(({ body }) => body.learner?.leader, () => false)))
        return replicas[leads.indexOf(true)]
      })
      leader.child.kill('SIGKILL')
      kills++
      await leader.exited
      const next = replicas[replicas.indexOf(leader)] = startProcess(t, env)
      await next.url()
    }
    return kills
  }

  let longest = 0
  async function send (): Promise<void> {
    for (let i = 0; i < OUTCOMES; i += BATCH) {
      const body = { outcomes: outcomes.slice(i, i + BATCH) }
      const graded = body.outcomes.map((outcome) => gradeOutcome(salt, outcome))
      const lists = listsOf(graded, i)
      await store.append(lists)
      for (const entry of [...lists, ...graded]) fold.append(entry, 1000 * i / BATCH)
      let attempt = 0
      const reply = await until('a batch is accepted', async () => { // a worker sends until it is
        const reply = await replicas[attempt++ % 2]!.post('/v1/outcomes/batch', body).catch(() => null)
        return reply?.status === 202 ? reply : null
      })
      t.equal(reply.body.accepted + reply.body.duplicates, body.outcomes.length, `batch ${i / BATCH}`)
      appended += lists.length + body.outcomes.length
      if (i % (20 * BATCH) === 0) {
        const { body: model } = await replicas[0]!.get('/v1/snapshot').catch(() => ({ body: {} }))
        longest = Math.max(longest, model.learner?.log_lag ?? 0)
      }
    }
  }
  const [kills] = await Promise.all([kill(), send()])
  t.ok(kills > 1, `the learner was killed ${kills} times; the log was ${longest} entries long at most where it was looked at`)

  await until('all are learned', async () => (await store.revision()).lag === 0, 240 + OUTCOMES / 5000)
  const policy = { follow_up_seconds: 1 }
  await until('the follow-up ends', async () => (await replicas[0]!.put('/v1/contexts/*/policy', policy)).status === 200)
  fold.append({ type: 'policy', key: ROOT, policy, by: 'anonymous' }, 1000 * OUTCOMES / BATCH)
  for (let second = 0; second <= 9; second++) fold.append({ type: 'tick' }, 1000 * (OUTCOMES / BATCH + second))
  const learned = await until('all is followed up', async () => {
    const { contexts } = await store.learned()
    return [...contexts.values()].every(({ reports: { open_enrolments: open } }) => open === 0) ? contexts : undefined
  })
  t.strictSame([...learned.keys()].sort(), [...fold.states.keys()].sort())
  for (const [key, state] of fold.states) t.same(counts(learned.get(key)!), counts(state), key)
  t.ok([...learned.values()].some((state) => state.rule.index !== -1), 'thresholds are in force')
})
