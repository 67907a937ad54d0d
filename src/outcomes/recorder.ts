import { setImmediate } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { Decision, Step } from '../core/decide/decide.js'
import { answerDigest } from '../core/grading/answer-digest.js'
import type { Asked } from '../core/recording/recorded-step.js'
import { ruleFor } from '../core/decide/snapshot.js'
import type { Metrics } from '../metrics/metrics.js'
import { scopedId } from '../access/scoped-id.js'
import type { Caller } from '../access/context-access.js'
import type { Service } from '../replica/service.js'
import { StepBuffer, type AskedBeside } from './step-buffer.js'
import type { Beside, StepBatch } from '../store/step-batch.js'
import type { Store } from '../store/store.js'
import { StoreUnavailableError } from '../store/store-errors.js'

/** How long a step waits to be stored, ms; longer only while the store is out of reach. */
export const FLUSH_MS = 100

/** What may wait: steps, and the characters of their answers. */
const LIMIT = { steps: 50_000, characters: 16 * 1024 * 1024 }
/** Characters of answers digested at a time: decisions are answered in between. */
const DIGESTED = 16 * 1024
/** Flushes until a record is forgotten: another replica may still have steps that would begin it anew. */
const FORGET_AFTER = 3

export interface RecorderOptions {
  readonly store: Pick<Store, 'record' | 'forget'>
  readonly service: Pick<Service, 'snapshot'>
  readonly metrics: Pick<Metrics, 'recordedSteps'>
  readonly log: FastifyBaseLogger
}

/** Keeps the steps of control generations for their outcomes, off the decisions' path. */
export interface Recorder {
  /** Keeps a step that was decided on, if it is to be kept; never waits and never throws. */
  readonly recordDecided: (step: Step, decision: Pick<Decision, 'arm' | 'reason'>, caller?: Caller) => void
  /** Keeps a step of a control generation whose context has its steps recorded. */
  readonly recordStep: (generationId: string, step: Asked, caller?: Caller) => void
  /** Resolves when what was taken until now is stored. @throws StoreUnavailableError, and what is not stored waits on */
  readonly flush: () => Promise<void>
  /** The outcomes of these have come: their records are not needed any more. */
  readonly forget: (generationIds: readonly string[]) => void
  /** Stores what it can. */
  readonly close: () => Promise<void>
}

export function createRecorder ({ store, service, metrics, log }: RecorderOptions): Recorder {
  let filling = new StepBuffer()
  let draining = new StepBuffer()
  let waiting: Array<StepBatch<AskedBeside>> = [] // of what is draining: cut once, however often the store is out of reach
  let steps = 0 // in both, or on their way to the store
  let characters = 0
  let dropped = 0
  let queued: Promise<void> | null = null // the flush that has not begun
  let last = Promise.resolve()
  const waves: string[][] = Array.from({ length: FORGET_AFTER }, () => [])

  async function drain (): Promise<void> {
    const { salt } = service.snapshot()
    if (salt === null) return // the store was not reached yet
    await storeWaiting(salt)
    draining.clear()
    ;[filling, draining] = [draining, filling]
    waiting = draining.batches()
    await storeWaiting(salt)
  }

  async function storeWaiting (salt: string): Promise<void> {
    for (let batch = waiting[0]; batch !== undefined; batch = waiting[0]) {
      const { ids, starts } = batch
      const count = starts[ids.length]! - starts[0]!
      try {
        const kept = await store.record(await digested(salt, batch))
        metrics.recordedSteps.inc({ result: 'stored' }, kept)
        dropped += count - kept
      } catch (error) {
        if (error instanceof StoreUnavailableError) throw error
        log.error({ err: error }, 'steps could not be recorded')
        dropped += count
      }
      waiting.shift()
      steps -= count
      for (const { answer } of batch.beside.values()) characters -= answer?.length ?? 0
    }
  }

  function recordStep (generationId: string, step: Asked, caller?: Caller): void {
    if (steps >= LIMIT.steps || characters > LIMIT.characters) { dropped++; return }
    filling.push(scopedId(caller, generationId), step)
    steps++
    if (step.answer !== undefined) characters += step.answer.length
  }

  /** One at a time; whoever asks while one runs shares the next, which has all that was taken before it was asked for. */
  function flush (): Promise<void> {
    if (queued === null) {
      queued = last.then(() => { queued = null; return drain() })
      last = queued.catch(() => {}) // says the one who asked
    }
    return queued
  }

  async function forgetNow (ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await store.forget(ids).catch(() => {}) // then they expire
  }

  function countDropped (): void {
    metrics.recordedSteps.inc({ result: 'dropped' }, dropped)
    dropped = 0
  }

  const timer = setInterval(() => {
    if (steps > 0) flush().catch(() => {}) // the service says that the store is gone
    waves.unshift([])
    forgetNow(waves.pop()!)
    countDropped()
  }, FLUSH_MS)
  timer.unref()

  return {
    recordDecided (step, { arm, reason }, caller) {
      if (arm !== 'control' || reason === 'off' || step.generation_id === undefined) return
      if (ruleFor(service.snapshot(), step.context).recordSteps) recordStep(step.generation_id, step, caller)
    },
    recordStep,
    flush,
    forget (generationIds) { waves[0]!.push(...generationIds) },
    async close () {
      clearInterval(timer)
      await flush().catch(() => { dropped += steps })
      await forgetNow(waves.flat())
      countDropped()
    },
  }
}

/** Its steps, and no text of an answer. */
async function digested (salt: string, batch: StepBatch<AskedBeside>): Promise<StepBatch> {
  const digests = new Map<number, Beside>()
  let characters = 0
  for (const [i, { answer, signals }] of batch.beside) {
    digests.set(i, { ...(answer !== undefined && { answer_digest: answerDigest(salt, answer) }), ...(signals && { signals }) })
    characters += answer?.length ?? 0
    if (characters < DIGESTED) continue
    characters = 0
    await setImmediate()
  }
  return { ...batch, beside: digests }
}
