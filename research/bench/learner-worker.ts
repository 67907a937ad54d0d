import { pino } from 'pino'
import { readConfig } from '../../src/service/config/config.js'
import { contextKey } from '../../src/core/policy/context.js'
import type { LogEntry } from '../../src/core/learn/log-entry.js'
import { OWN_THREAD_BATCH, startLearner } from '../../src/service/learner/learner.js'
import { createStore } from '../../src/store/open/create-store.js'
import { KEPT, outcomeOf } from '../../test/core/learn/memory-fold.js'
import { leafOf } from '../../test/store/seeded-state.js'

/** Fills the log of a store and times the learner on it, in a process of its own. */
export interface LearnerOrder { readonly redisUrl: string, readonly dataDir: string, readonly outcomes: number, readonly rounds: number }
/** `microseconds`: CPU time of all threads of the process for an outcome, which depends less on other load of the machine. */
export interface LearnerAnswer { readonly perSecond: number[], readonly microseconds: number[] }

const STEPS = Array.from({ length: 10 }, (_, i) => ({ tokens: 10 * (i + 1), confidence: 0.1 * (i + 1) - 0.005, exact_match: 1 as const }))

/** The cadence of the outcomes that it folds. */
const POLICY = JSON.stringify({ check_every_tokens: 10, check_growth: 0 })

const LEVELS = ['model', 'task']
const CONTEXTS = 1000
const BLOCK = 500
let lists = 0

/** The list that enrols generations that start together, and their outcomes. */
function blockOf (round: number, from: number, count: number): LogEntry[] {
  const outcomes = Array.from({ length: count }, (_, j) => outcomeOf({
    ...KEPT,
    generation_id: `${round}-${from + j}`,
    u: (((round + 1) * 1_000_003 + from + j) * 0.6180339887498949) % 1,
    context: leafOf((from + j) % CONTEXTS),
    steps: STEPS,
  }))
  const entries = outcomes.map(({ context, u, hash }) => {
    return { key: contextKey(LEVELS, context), epoch: null, share: 1, draws: [[u, hash] as const] }
  })
  return [{ type: 'enrolment', boot: 'bench', number: ++lists, age: 100, entries }, ...outcomes]
}

process.on('message', async ({ redisUrl, dataDir, outcomes, rounds }: LearnerOrder) => {
  const config = readConfig({ REDIS_URL: redisUrl, DATA_DIR: dataDir, DEFAULT_POLICY: POLICY })
  const store = await createStore(config)
  const perSecond: number[] = []
  const microseconds: number[] = []
  for (let round = 0; round <= rounds; round++) { // the first round compiles the code
    for (let i = 0; i < outcomes; i += BLOCK) await store.append(blockOf(round, i, Math.min(BLOCK, outcomes - i)))
    const startedAt = performance.now()
    const usedBefore = process.cpuUsage()
    const learner = startLearner({ store, config, log: pino({ level: 'silent' }), batch: OWN_THREAD_BATCH })
    while ((await store.revision()).lag > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    if (round > 0) {
      const { user, system } = process.cpuUsage(usedBefore)
      perSecond.push(outcomes / (performance.now() - startedAt) * 1000)
      microseconds.push((user + system) / outcomes)
    }
    await learner.close()
  }
  await store.close()
  process.send!({ perSecond, microseconds })
})
process.send?.('ready')
