import { setImmediate } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import type { Decision, Step, StepDecision } from '../../core/decide/decide.js'
import { answerDigest } from '../../core/outcome/exact-match.js'
import { clampConfidence } from '../../core/outcome/outcome.js'
import type { RecordedFields } from '../../core/step-records/recorded-steps.js'
import type { Beside, StepBatch, StepRecordStore } from '../../store/step-record-store.js'
import { StoreUnavailableError } from '../../store/store-errors.js'
import { type Caller, scopedId } from '../access/context-access.js'
import type { Metrics } from '../metrics/metrics.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'

/** Interval at which steps are stored, ms. They wait longer only while the store cannot be reached. */
export const FLUSH_MS = 100

/** Limits on waiting steps and on the characters of their answers. */
const LIMIT = { steps: 50_000, characters: 16 * 1024 * 1024 }
/** Characters of answers digested in one turn, so that decisions are answered in between. */
const DIGEST_TURN = 16 * 1024
/** Flushes before a record is deleted, since steps that another replica still holds would start it again. */
const FORGET_AFTER = 3

interface RecorderOptions {
  readonly stepRecords: Pick<StepRecordStore, 'append' | 'forget'>
  readonly snapshotHolder: Pick<SnapshotHolder, 'snapshot'>
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
export function createRecorder ({ stepRecords, snapshotHolder, metrics, log }: RecorderOptions) {
  let filling = new StepBuffer()
  let draining = new StepBuffer()
  let waiting: Array<StepBatch<RecordedExtras>> = [] // batches of `draining` that are not stored yet
  let steps = 0 // in both buffers, or on their way to the store
  let characters = 0
  let dropped = 0
  let queued: Promise<void> | null = null // the flush that has not started
  let last = Promise.resolve()
  const waves: string[][] = Array.from({ length: FORGET_AFTER }, () => [])

  async function drain (): Promise<void> {
    const { salt } = snapshotHolder.snapshot()
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
  function recordStep (generationId: string, step: RecordedFields, caller?: Caller): void {
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
async function digested (salt: string, batch: StepBatch<RecordedExtras>): Promise<StepBatch> {
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

/**
 * Limits of a batch for the store, so that decisions are answered between batches. A generation costs the store as much as about twenty
 * steps, so its steps go together.
 */
const BATCH = { steps: 16_384, generations: 1024 }

/** Fields that few steps have; answers are not digested yet. */
export type RecordedExtras = Pick<RecordedFields, 'answer' | 'signals'>

/** Columns of steps in the form of StepBatch. */
class BufferedColumns {
  tokens = new Float64Array(256)
  confidence = new Float64Array(256)
  em = new Int8Array(256)

  grow (length: number): void {
    this.tokens = grown(this.tokens, length)
    this.confidence = grown(this.confidence, length)
    this.em = grown(this.em, length)
  }
}

/**
 * Steps that wait to be stored, as columns of numbers. As objects they would survive into the old generation of the heap, and the full
 * collections that follow discard compiled code, which costs each request more than adding a step here.
 */
export class StepBuffer {
  readonly #numberOf = new Map<string, number>() // by generation id
  #generation = new Int32Array(256) // of each step, in the order of arrival
  readonly #came = new BufferedColumns()
  readonly #sorted = new BufferedColumns() // grouped by generation
  readonly #beside = new Map<number, RecordedExtras>() // by index in the order of arrival
  length = 0

  push (id: string, { tokens, confidence, em, answer, signals }: RecordedFields): void {
    const i = this.length++
    if (i === this.#generation.length) this.#grow()
    let generation = this.#numberOf.get(id)
    if (generation === undefined) this.#numberOf.set(id, generation = this.#numberOf.size)
    this.#generation[i] = generation
    this.#came.tokens[i] = tokens
    this.#came.confidence[i] = clampConfidence(confidence) ?? NaN
    this.#came.em[i] = em ?? -1
    if (answer === undefined && signals === undefined) return
    this.#beside.set(i, { ...(answer !== undefined && { answer }), ...(signals && { signals }) })
  }

  /** All steps as batches, which refer to this buffer until it is cleared. */
  batches (): Array<StepBatch<RecordedExtras>> {
    const { starts, beside } = this.#sort()
    const { tokens, confidence, em } = this.#sorted
    const batches: Array<StepBatch<RecordedExtras>> = []
    let ids: string[] = []
    let begins: number[] = []
    const end = (at: number) => {
      if (ids.length > 0) batches.push({ ids, starts: [...begins, at], tokens, confidence, em, beside: within(beside, begins[0]!, at) })
      ids = []
      begins = []
    }
    for (const [id, generation] of this.#numberOf) {
      for (let from = starts[generation]!, to; from < starts[generation + 1]!; from = to) {
        to = Math.min(from + BATCH.steps, starts[generation + 1]!)
        if (ids.length === BATCH.generations || to - (begins[0] ?? from) > BATCH.steps) end(from)
        ids.push(id)
        begins.push(from)
      }
    }
    end(this.length)
    return batches
  }

  clear (): void {
    this.#numberOf.clear()
    this.#beside.clear()
    this.length = 0
  }

  /** Sorts by generation. `starts` has the first index of each generation, and the end. */
  #sort (): { starts: Int32Array, beside: ReadonlyMap<number, RecordedExtras> } {
    const starts = new Int32Array(this.#numberOf.size + 1)
    for (let i = 0; i < this.length; i++) starts[this.#generation[i]! + 1]!++
    for (let generation = 1; generation < starts.length; generation++) starts[generation]! += starts[generation - 1]!
    const next = starts.slice()
    const beside = new Map<number, RecordedExtras>()
    const [came, sorted] = [this.#came, this.#sorted]
    if (sorted.em.length < this.length) sorted.grow(came.em.length)
    for (let i = 0; i < this.length; i++) {
      const to = next[this.#generation[i]!]!++
      sorted.tokens[to] = came.tokens[i]!
      sorted.confidence[to] = came.confidence[i]!
      sorted.em[to] = came.em[i]!
      const more = this.#beside.size > 0 ? this.#beside.get(i) : undefined
      if (more !== undefined) beside.set(to, more)
    }
    return { starts, beside }
  }

  #grow (): void {
    const length = 2 * this.#generation.length
    this.#generation = grown(this.#generation, length)
    this.#came.grow(length)
  }
}

function within (beside: ReadonlyMap<number, RecordedExtras>, from: number, to: number): ReadonlyMap<number, RecordedExtras> {
  const some = new Map<number, RecordedExtras>()
  if (beside.size === 0) return some
  for (let i = from; i < to; i++) if (beside.has(i)) some.set(i, beside.get(i)!)
  return some
}

function grown<T extends Int32Array | Float64Array | Int8Array> (column: T, length: number): T {
  const larger = new (column.constructor as new (length: number) => T)(length)
  larger.set(column)
  return larger
}
