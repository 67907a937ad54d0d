import { Worker } from 'node:worker_threads'
import type { Logger } from 'pino'
import type { Config } from './config.js'
import type { Change } from './core/fold.js'
import type { Learner } from './learner.js'
import type { FromLearner } from './learner-worker.js'
import type { FitEnd } from './timed-fit.js'

/** From the end of a learner that failed to the start of the next, ms. */
const RESTART_MS = 1000
/** Room for what the learner has just made, MiB: little, for what it keeps is old soon, and the rest is let go of more often. */
const YOUNG_MB = 4
const WORKER = new URL('./learner-worker.js', import.meta.url)
const NO_STATUS = { isLeader: false, refused: 0, problem: null }

export interface LearnerThreadOptions {
  readonly config: Config
  readonly log: Logger
  readonly onChange?: (change: Change) => void
  readonly onFit?: (end: FitEnd) => void
  /** What runs in the thread. */
  readonly script?: URL
}

/**
 * A learner in a thread of its own, with a store of its own, so that decisions do not wait for it. One that fails is started again, and
 * until then `problem` says why.
 */
export function startLearnerThread (
  { config, log, onChange = () => {}, onFit = () => {}, script = WORKER }: LearnerThreadOptions): Learner {
  let status: { readonly isLeader: boolean, readonly refused: number, readonly problem: string | null } = NO_STATUS
  let worker: Worker
  let restart: NodeJS.Timeout | undefined
  let isClosing = false
  let gone: Promise<void>

  function start (): void {
    let failure: string | null = null
    worker = new Worker(script, { name: 'learner', workerData: config, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } })
    worker.on('message', (message: FromLearner) => {
      if ('level' in message) log[message.level](message.fields, message.text)
      else if ('change' in message) onChange(message.change)
      else if ('fit' in message) onFit(message.fit)
      else if ('failure' in message) failure = message.failure
      else status = message.status
    })
    worker.on('error', (error: Error) => { failure = error.message })
    gone = new Promise((resolve) => {
      worker.once('exit', (code) => {
        resolve()
        status = { ...status, isLeader: false }
        if (isClosing) return
        status = { ...status, problem: `its thread ended: ${failure ?? `exit code ${code}`}` }
        log.error({ reason: failure, code }, 'the learner\'s thread ended and is started again')
        restart = setTimeout(start, RESTART_MS)
      })
    })
  }
  start()

  return {
    isLeader: () => status.isLeader,
    refused: () => status.refused,
    problem: () => status.problem,
    async close () {
      isClosing = true
      clearTimeout(restart)
      worker.postMessage('close') // not terminate: a thread that is cut off in a transaction takes the embedded store with it
      await gone
    },
  }
}
