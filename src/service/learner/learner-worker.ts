import { parentPort, workerData } from 'node:worker_threads'
import type { FastifyBaseLogger } from 'fastify'
import type { EnrolmentTimes } from '../../core/evidence/index.js'
import type { FitResult } from '../../core/scores/index.js'
import type { Change } from '../../core/learn/index.js'
import type { SavingsHour } from '../../core/stats/index.js'
import type { Corrupted } from '../../logging/log.js'
import { createStore } from '../../store/open/create-store.js'
import type { Store } from '../../store/store.js'
import type { Config } from '../config/config.js'
import { describeContexts, type DescribedContexts } from '../snapshot/describe-contexts.js'
import { type Learner, OWN_THREAD_BATCH, startLearner } from './learner.js'
import { serializeError } from './threads.js'

/** The data that the thread is started with. */
export interface LearnerData {
  readonly config: Config
  readonly times: EnrolmentTimes
}

/** Messages from the learner's thread to the thread that started it. */
export type LearnerMessage =
  | { readonly level: Level, readonly fields: object, readonly text: string | undefined }
  | { readonly change: Change }
  | { readonly fit: FitResult }
  | { readonly status: { readonly isLeader: boolean, readonly refused: number, readonly problem: string | null } }
  | { readonly damage: Corrupted, readonly count: number }
  | { readonly failure: string }
  | { readonly isAlive: true }
  | { readonly describedAt: number, readonly described: DescribedContexts | readonly SavingsHour[] | Error }

/** Messages to the learner's thread. */
export type LearnerOrder = 'close' | { readonly describeAt: number }

/** Log lines go through the logger of the thread that started this one. */
const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const
type Level = typeof LEVELS[number]

/** How often to check whether the status has changed, ms. */
const STATUS_MS = 50
/** Checks between two signs of life: one a second. */
const CHECKS_PER_HEARTBEAT = 20

const port = parentPort!
const { config, times } = workerData as LearnerData
const post = (message: LearnerMessage): void => { port.postMessage(message) }
const log = Object.fromEntries(LEVELS.map((level) => [level, (fields: object | string, text?: string) => {
  if (typeof fields === 'string') post({ level, fields: {}, text: fields })
  else post({ level, fields: { ...fields, ...('err' in fields && fields.err instanceof Error && { err: serializeError(fields.err) }) }, text })
}])) as unknown as FastifyBaseLogger // the learner calls only these methods

let store: Store | null = null
let learner: Learner | null = null
let lastStatus = ''
let checks = 0

const watch = setInterval(() => {
  if (++checks % CHECKS_PER_HEARTBEAT === 0) post({ isAlive: true })
  if (learner === null) return
  const status = { isLeader: learner.isLeader(), refused: learner.refused(), problem: learner.problem() }
  if (lastStatus !== (lastStatus = JSON.stringify(status))) post({ status })
}, STATUS_MS)

/** Describes all contexts for the fleet, in parts so small that the other thread does not stop for them. */
async function describe ({ describeAt }: Exclude<LearnerOrder, 'close'>): Promise<void> {
  try {
    if (store === null) throw new Error('the learner has no store yet')
    const parts = describeContexts(store, config, describeAt)
    for (let isDone = false; !isDone;) {
      const { done = false, value } = await parts.next()
      post({ describedAt: describeAt, described: value })
      isDone = done
    }
  } catch (error) { post({ describedAt: describeAt, described: error as Error }) }
}

async function close (code: number): Promise<void> {
  clearInterval(watch)
  await learner?.close()
  await store?.close()
  process.exit(code)
}

// Always close the store first: a thread that ends inside an LMDB transaction ends the whole process.
process.once('uncaughtException', (error) => {
  log.error({ err: error }, 'the learner\'s thread failed')
  post({ failure: error.message })
  close(1)
})
port.on('message', (order: LearnerOrder) => {
  if (order === 'close') close(0)
  else describe(order)
})
store = await createStore({ ...config, isGuest: true })
learner = startLearner({
  store,
  config,
  log,
  batch: OWN_THREAD_BATCH,
  times,
  onChange: (change) => { post({ change }) },
  onFit: (fit) => { post({ fit }) },
  onDamage: (damage, count) => { post({ damage, count }) },
})
