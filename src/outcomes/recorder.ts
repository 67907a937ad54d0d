import { setImmediate } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { Decision, Step, StepDecision } from '../core/decide/decide.js'
import { answerDigest } from '../core/grading/answer-digest.js'
import type { Asked } from '../core/recording/recorded-step.js'
import type { Metrics } from '../metrics/metrics.js'
import { scopedId } from '../access/scoped-id.js'
import type { Caller } from '../access/context-access.js'
import type { Service } from '../replica/service.js'
import { StepBuffer, type AskedBeside } from './step-buffer.js'
import type { Beside, StepBatch, StepRecordStore } from '../store/step-record-store.js'
import { StoreUnavailableError } from '../store/store-errors.js'

/** Interval at which steps are stored, ms. They wait longer only while the store cannot be reached. */
export const FLUSH_MS = 100

/** Limits on waiting steps and on the characters of their answers. */
const LIMIT = { steps: 50_000, characters: 16 * 1024 * 1024 }
/** Characters of answers digested in one turn, so that decisions are answered in between. */
const DIGEST_TURN = 16 * 1024
/** Flushes before a record is deleted, since steps that another replica still holds would start it again. */
const FORGET_AFTER = 3

export interface RecorderOptions {
  readonly stepRecords: Pick<StepRecordStore, 'append' | 'forget'>
  readonly service: Pick<Service, 'snapshot'>
  readonly metrics: Pick<Metrics, 'recordedSteps'>
  readonly log: FastifyBaseLogger
}

/** The part of a decision that says whether its step is recorded. */
interface RecordedDecision {
  readonly decision: Pick<Decision, 'arm' | 'reason'>
  readonly rule: Pick<StepDecision['rule'], 'recordSteps'>
}

export type Recorder = ReturnType<typeof createRecorder>

/** Records the steps of control generations until their outcomes come, off the decision path. */
export function createRecorder ({ stepRecords, service, metrics, log }: RecorderOptions) {
  let filling = new StepBuffer()
  let draining = new StepBuffer()
  let waiting: Array<StepBatch<AskedBeside>> = [] // batches of `draining` that are not stored yet
  let steps = 0 // in both buffers, or on their way to the store
  let characters = 0
  let dropped = 0
  let queued: Promise<void> | null = null // the flush that has not started
  let last = Promise.resolve()
  const waves: string[][] = Array.from({ length: FORGET_AFTER }, () => [])

  async function drain (): Promise<void> {
    const { salt } = service.snapshot()
    if (salt === null) return // this replica has not reached the store yet
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
        const kept = await stepRecords.append(await digested(salt, batch))
        metrics.recordedSteps.inc({ result: 'stored' }, kept)
        dropped += count - kept
      } catch (error) {
        if (error instanceof StoreUnavailableError) throw error
        log.error({ err: error }, 'steps could not be stored')
        dropped += count
      }
      waiting.shift()
      steps -= count
      for (const { answer } of batch.beside.values()) characters -= answer?.length ?? 0
    }
  }

  /** Records a step of a control generation without checking its policy. */
  function recordStep (generationId: string, step: Asked, caller?: Caller): void {
    if (steps >= LIMIT.steps || characters > LIMIT.characters) { dropped++; return }
    filling.push(scopedId(caller, generationId), step)
    steps++
    if (step.answer !== undefined) characters += step.answer.length
  }

  /**
   * Resolves once all steps recorded until now are stored. One flush runs at a time, and calls during it share the next one.
   * @throws StoreUnavailableError; the steps then wait for the next flush
   */
  function flush (): Promise<void> {
    if (queued === null) {
      queued = last.then(() => { queued = null; return drain() })
      last = queued.catch(() => {}) // the caller of flush handles the error
    }
    return queued
  }

  async function forgetNow (ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await stepRecords.forget(ids).catch(() => {}) // they expire anyway
  }

  function countDropped (): void {
    metrics.recordedSteps.inc({ result: 'dropped' }, dropped)
    dropped = 0
  }

  const timer = setInterval(() => {
    if (steps > 0) flush().catch(() => {}) // the service logs that the store cannot be reached
    waves.unshift([])
    forgetNow(waves.pop()!)
    countDropped()
  }, FLUSH_MS)
  timer.unref()

  return {
    /** Records a step that was decided, if it is control and its policy records steps. Never waits and never throws. */
    recordDecided (step: Step, { decision: { arm, reason }, rule }: RecordedDecision, caller?: Caller): void {
      if (arm !== 'control' || reason === 'off' || step.generation_id === undefined) return
      if (rule.recordSteps) recordStep(step.generation_id, step, caller)
    },
    recordStep,
    flush,
    /** Deletes the records of generations whose outcomes have come. */
    forget (generationIds: readonly string[]): void { waves[0]!.push(...generationIds) },
    /** Stores the waiting steps if possible, and ends. */
    async close (): Promise<void> {
      clearInterval(timer)
      await flush().catch(() => { dropped += steps })
      await forgetNow(waves.flat())
      countDropped()
    },
  }
}

/** The batch with digests in place of answers. */
async function digested (salt: string, batch: StepBatch<AskedBeside>): Promise<StepBatch> {
  const digests = new Map<number, Beside>()
  let characters = 0
  for (const [i, { answer, signals }] of batch.beside) {
    digests.set(i, { ...(answer !== undefined && { answer_digest: answerDigest(salt, answer) }), ...(signals && { signals }) })
    characters += answer?.length ?? 0
    if (characters < DIGEST_TURN) continue
    characters = 0
    await setImmediate()
  }
  return { ...batch, beside: digests }
}
