import { parentPort, workerData } from 'node:worker_threads'
import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../config/config.js'
import type { Change } from '../core/learn/fold.js'
import type { Corrupted } from '../logging/report-corruption.js'
import { OWN_THREAD_BATCH, startLearner, type Learner } from './learner.js'
import { plainError } from './plain-error.js'
import { createStore } from '../store/create-store.js'
import type { Store } from '../store/store.js'
import type { FitEnd } from '../core/predictor/fit-end.js'

/** What the thread tells. */
export type FromLearner =
  | { readonly level: Level, readonly fields: object, readonly text: string | undefined }
  | { readonly change: Change }
  | { readonly fit: FitEnd }
  | { readonly status: { readonly isLeader: boolean, readonly refused: number, readonly problem: string | null } }
  | { readonly damage: Corrupted, readonly count: number }
  | { readonly failure: string }
  | { readonly isAlive: true }

/** Those it logs at, through the logger of the thread that started it. */
const LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const
type Level = typeof LEVELS[number]

/** How often it looks whether its status has changed, ms. */
const STATUS_MS = 50
/** How often it tells that it does not hang, in such looks: once a second. */
const LOOKS_A_BEAT = 20

const port = parentPort!
const config = workerData as Config
const tell = (message: FromLearner): void => { port.postMessage(message) }
const log = Object.fromEntries(LEVELS.map((level) => [level, (fields: object | string, text?: string) => {
  if (typeof fields === 'string') tell({ level, fields: {}, text: fields })
  else tell({ level, fields: { ...fields, ...('err' in fields && fields.err instanceof Error && { err: plainError(fields.err) }) }, text })
}])) as unknown as FastifyBaseLogger

let store: Store | null = null
let learner: Learner | null = null
let told = ''
let looks = 0

const watch = setInterval(() => {
  if (++looks % LOOKS_A_BEAT === 0) tell({ isAlive: true })
  if (learner === null) return
  const status = { isLeader: learner.isLeader(), refused: learner.refused(), problem: learner.problem() }
  if (told !== (told = JSON.stringify(status))) tell({ status })
}, STATUS_MS)

async function close (code: number): Promise<void> {
  clearInterval(watch)
  await learner?.close()
  await store?.close()
  process.exit(code)
}

// Whatever happens, the store is closed in order: a thread that ends in a transaction of LMDB's takes the process with it.
process.once('uncaughtException', (error) => {
  log.error({ err: error }, 'the learner\'s thread failed')
  tell({ failure: error.message })
  close(1)
})
port.once('message', () => { close(0) })
store = await createStore({ ...config, isGuest: true })
learner = startLearner({
  store,
  config,
  log,
  batch: OWN_THREAD_BATCH,
  onChange: (change) => { tell({ change }) },
  onFit: (fit) => { tell({ fit }) },
  onDamage: (damage, count) => { tell({ damage, count }) },
})
