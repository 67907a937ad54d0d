import { Worker } from 'node:worker_threads'
import type { Logger } from 'pino'
import { ENROLMENT_TIMES } from '../../core/evidence/index.js'
import { type AllContexts, ContextCollector } from '../snapshot/describe-contexts.js'
import type { LearnerData, LearnerMessage, LearnerOrder } from './learner-worker.js'
import type { Learner, LearnerOptions } from './learner.js'
import { startWatchdog, WITHOUT_HOOKS } from './threads.js'

/** Delay before a failed learner is started again, ms. */
const RESTART_MS = 1000
/** A thread that sends nothing for this long hangs, ms. It sends a heartbeat every second, except while it reads the learned state. */
const HANGS_AFTER_MS = 30_000
/** A thread that sends nothing for this long is not waited for by a reader of all contexts, ms. */
const READER_WAITS_MS = 3000
/** Size of V8's young generation, MiB: small, so that garbage is collected often. */
const YOUNG_GENERATION_MB = 4
const WORKER = new URL('./learner-worker.js', import.meta.url)
const ENDED = 'the learner\'s thread has ended'
const SILENT = 'the learner\'s thread does not answer'
const NO_STATUS = { isLeader: false, refused: 0, problem: null }

interface LearnerThreadOptions extends Pick<LearnerOptions, 'config' | 'times' | 'onChange' | 'onFit' | 'onDamage'> {
  readonly log: Logger
  /** Called when a thread fails or hangs. */
  readonly onEnd?: () => void
  /** The module that runs in the thread. */
  readonly script?: URL
  readonly hangsAfterMs?: number
  readonly readerWaitsMs?: number
}

export interface LearnerThread extends Learner {
  /**
   * Reads all contexts in the thread, so that decisions do not wait for it. One call at a time.
   * @throws Error that says why the thread cannot do it: `describeContexts` can
   */
  readonly describe: (at: number) => Promise<AllContexts>
}

/** What the thread was asked to describe. */
interface Description {
  readonly at: number
  readonly parts: ContextCollector
  readonly resolve: (all: AllContexts) => void
  readonly reject: (error: Error) => void
}

/**
 * Runs the learner in a thread with its own store connection, so that decisions do not wait for it. A thread that fails or hangs is
 * replaced; until then `problem` says why. With the embedded store a hanging thread is only reported.
 */
export function startLearnerThread (
  {
    config, times = ENROLMENT_TIMES, log: parent, onChange, onFit, onDamage, onEnd, script = WORKER, hangsAfterMs = HANGS_AFTER_MS,
    readerWaitsMs = READER_WAITS_MS,
  }: LearnerThreadOptions
): LearnerThread {
  const canReplace = config.redisUrl !== '' // terminating a thread inside an LMDB transaction ends the whole process
  const log = parent.child({}, { serializers: { err: (error: unknown) => error } }) // the thread has serialized them
  let status: { readonly isLeader: boolean, readonly refused: number, readonly problem: string | null } = NO_STATUS
  let hang: string | null = null
  let worker: Worker
  let restart: NodeJS.Timeout | undefined
  let isClosing = false
  let isGone = false
  let gone: Promise<void>
  let giveUp = (): void => {} // rejects the promise of `close`
  let description: Description | null = null
  let isSilent = false

  function endDescription (end: (description: Description) => void): void {
    if (description !== null) end(description)
    description = null
  }

  function takeDescribed ({ describedAt, described }: Extract<LearnerMessage, { describedAt: number }>): void {
    if (description?.at !== describedAt) return // it was given up while the thread hung
    if (described instanceof Error) endDescription(({ reject }) => { reject(described) })
    else if ('rows' in described) description.parts.add(described)
    else endDescription(({ parts, resolve }) => { resolve(parts.all(described)) })
  }

  function start (): void {
    let failure: string | null = null
    isGone = false
    worker = new Worker(script, {
      name: 'learner',
      workerData: { config, times } satisfies LearnerData,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
      ...WITHOUT_HOOKS,
    })
    const watchdog = startWatchdog(hangsAfterMs, () => {
      hang = `its thread hangs: no sign of life for ${hangsAfterMs / 1000} s${canReplace ? '' : '; restart the service'}`
      log.error({ reason: hang }, 'the learner hangs')
      onEnd?.()
      if (canReplace) worker.terminate()
      else giveUp()
    })
    const readers = startWatchdog(readerWaitsMs, () => {
      isSilent = true
      endDescription(({ reject }) => { reject(new Error(SILENT)) })
    })
    worker.on('message', (message: LearnerMessage) => {
      watchdog.reset()
      readers.reset()
      hang = null
      isSilent = false
      if ('level' in message) log[message.level](message.fields, message.text)
      else if ('change' in message) onChange?.(message.change)
      else if ('fit' in message) onFit?.(message.fit)
      else if ('damage' in message) onDamage?.(message.damage, message.count)
      else if ('failure' in message) failure = message.failure
      else if ('status' in message) status = message.status
      else if ('described' in message) takeDescribed(message)
    })
    worker.on('error', (error: Error) => { failure = error.message })
    gone = new Promise((resolve) => {
      worker.once('exit', (code) => {
        resolve()
        isGone = true
        watchdog.close()
        readers.close()
        endDescription(({ reject }) => { reject(new Error(ENDED)) })
        status = { ...status, isLeader: false }
        if (isClosing) return
        status = { ...status, problem: `its thread ended: ${hang ?? failure ?? `exit code ${code}`}` }
        log.error({ reason: hang ?? failure, code }, 'the learner\'s thread ended and will be started again')
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
    async describe (at) {
      const problem = hang ?? (isGone ? ENDED : isSilent ? SILENT : description !== null ? 'the thread describes the contexts already' : null)
      if (problem !== null) throw new Error(problem)
      worker.postMessage({ describeAt: at } satisfies LearnerOrder)
      return await new Promise((resolve, reject) => { description = { at, parts: new ContextCollector(), resolve, reject } })
    },
    async close () {
      isClosing = true
      clearTimeout(restart)
      const isHanging = hang !== null && !canReplace
      const hangs = new Promise<never>((_resolve, reject) => { giveUp = () => { reject(new Error("the learner's thread hangs")) } })
      if (isHanging) giveUp()
      worker.postMessage('close' satisfies LearnerOrder) // not terminate: see `canReplace`
      await Promise.race([gone, hangs])
    },
  }
}
