import { pino } from 'pino'
import { readConfig } from '../../src/config/config.js'
import { OWN_THREAD_BATCH, startLearner } from '../../src/learning/learner.js'
import { createStore } from '../../src/store/create-store.js'
import { KEPT, outcomeOf } from '../core/learn/memory-fold.js'
import { leafOf } from './seeded-state.js'

/** Fills a store's log and times the learner on it, in a process of its own as in a thread of its own. */
export interface LearnerOrder { readonly redisUrl: string, readonly dataDir: string, readonly outcomes: number, readonly rounds: number }
export interface LearnerAnswer { readonly perSecond: number[] }

const STEPS = Array.from({ length: 10 }, (_, i) => ({ tokens: 10 * (i + 1), confidence: 0.1 * (i + 1) - 0.005, exact_match: 1 as const }))

process.on('message', async ({ redisUrl, dataDir, outcomes, rounds }: LearnerOrder) => {
  const config = readConfig({ REDIS_URL: redisUrl, DATA_DIR: dataDir, DEFAULT_POLICY: '{"settle_seconds":0}' })
  const store = await createStore(config)
  const perSecond: number[] = []
  for (let round = 0; round <= rounds; round++) { // the first compiles the code
    for (let i = 0; i < outcomes; i += 500) {
      await store.append(Array.from({ length: Math.min(500, outcomes - i) }, (_, j) => outcomeOf({ ...KEPT, generation_id: `${round}-${i + j}`, context: leafOf((i + j) % 1000), steps: STEPS })))
    }
    const startedAt = performance.now()
    const learner = startLearner({ store, config, log: pino({ level: 'silent' }), batch: OWN_THREAD_BATCH })
    while ((await store.revision()).lag > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    if (round > 0) perSecond.push(outcomes / (performance.now() - startedAt) * 1000)
    await learner.close()
  }
  await store.close()
  process.send!({ perSecond })
})
process.send?.('ready')
