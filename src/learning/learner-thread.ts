import { Worker } from 'node:worker_threads'
import type { Logger } from 'pino'
import type { Config } from '../config/config.js'
import type { Change } from '../core/learn/fold.js'
import type { Corrupted } from '../logging/report-corruption.js'
import type { Learner } from './learner.js'
import type { FromLearner } from './learner-worker.js'
import { startWatchdog } from './watchdog.js'
import type { FitEnd } from '../core/predictor/fit-end.js'

/** From the end of a learner that failed to the start of the next, ms. */
const RESTART_MS = 1000
/** After which one that tells nothing hangs: it tells something every second, but for when it reads all that was learned, ms. */
const HANGS_AFTER_MS = 30_000
/** Room for what the learner has just made, MiB: little, for what it keeps is old soon, and the rest is let go of more often. */
const YOUNG_MB = 4
const WORKER = new URL('./learner-worker.js', import.meta.url)
const NO_STATUS = { isLeader: false, refused: 0, problem: null }

export interface LearnerThreadOptions {
  readonly config: Config
  readonly log: Logger
  readonly onChange?: (change: Change) => void
  readonly onFit?: (end: FitEnd) => void
  readonly onDamage?: (what: Corrupted, count: number) => void
  /** Called when one failed or hangs. */
  readonly onEnd?: () => void
  /** What runs in the thread. */
  readonly script?: URL
  readonly hangsAfterMs?: number
}

/**
 * A learner in a thread of its own, with a store of its own, so that decisions do not wait for it. One that fails or hangs is replaced, and
 * until then `problem` says why; with the embedded store one that hangs is told of and no more.
 */
export function startLearnerThread (
  { config, log: parent, onChange, onFit, onDamage, onEnd, script = WORKER, hangsAfterMs = HANGS_AFTER_MS }: LearnerThreadOptions
): Learner {
  const canReplace = config.redisUrl !== '' // one that is cut off in a transaction takes the embedded store with it, and the process
  const log = parent.child({}, { serializers: { err: (error: unknown) => error } }) // the thread has made them plain
  let status: { readonly isLeader: boolean, readonly refused: number, readonly problem: string | null } = NO_STATUS
  let hang: string | null = null
  let worker: Worker
  let restart: NodeJS.Timeout | undefined
  let isClosing = false
  let gone: Promise<void>

  function start (): void {
    let failure: string | null = null
    worker = new Worker(script, { name: 'learner', workerData: config, resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } })
    const silence = startWatchdog(hangsAfterMs, () => {
      hang = `its thread hangs, and has told nothing for ${hangsAfterMs / 1000} s${canReplace ? '' : ': restart the service'}`
      log.error({ reason: hang }, 'the learner hangs')
      onEnd?.()
      if (canReplace) worker.terminate()
    })
    worker.on('message', (message: FromLearner) => {
      silence.heard()
      hang = null
      if ('level' in message) log[message.level](message.fields, message.text)
      else if ('change' in message) onChange?.(message.change)
      else if ('fit' in message) onFit?.(message.fit)
      else if ('damage' in message) onDamage?.(message.damage, message.count)
      else if ('failure' in message) failure = message.failure
      else if ('status' in message) status = message.status
    })
    worker.on('error', (error: Error) => { failure = error.message })
    gone = new Promise((resolve) => {
      worker.once('exit', (code) => {
        resolve()
        silence.close()
        status = { ...status, isLeader: false }
        if (isClosing) return
        status = { ...status, problem: `its thread ended: ${hang ?? failure ?? `exit code ${code}`}` }
        log.error({ reason: hang ?? failure, code }, 'the learner\'s thread ended and is started again')
        if (hang === null) onEnd?.()
        hang = null
        restart = setTimeout(start, RESTART_MS)
      })
    })
  }
  start()

  return {
    isLeader: () => hang === null && status.isLeader,
    refused: () => status.refused,
    problem: () => hang ?? status.problem,
    async close () {
      isClosing = true
      clearTimeout(restart)
      worker.postMessage('close') // not terminate, see above
      await gone
    },
  }
}
