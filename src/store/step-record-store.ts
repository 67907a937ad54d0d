import type { RecordedStep } from '../core/step-records/recorded-steps.js'

/** The fields that few steps have. */
export type Beside = Pick<RecordedStep, 'answer_digest' | 'signals'>

/**
 * Steps of several generations, in columns. At a hundred thousand steps a second, objects would cost more than all other work on them. The
 * steps of `ids[i]` are those from `starts[i]` to before `starts[i + 1]`, in order.
 */
export interface StepBatch<B = Beside> {
  readonly ids: readonly string[]
  readonly starts: ArrayLike<number>
  /** Below 2^30, as the API demands. */
  readonly tokens: Float64Array
  /** NaN stands for null. */
  readonly confidence: Float64Array
  /** -1 stands for an absent value. */
  readonly em: Int8Array
  /** Digests and signals, by the number of the step. */
  readonly beside: ReadonlyMap<number, B>
}

/** The step with this number. */
export function stepIn ({ tokens, confidence, em, beside }: StepBatch, i: number): RecordedStep {
  const { answer_digest: digest, signals } = beside.get(i) ?? {}
  const step: { -readonly [F in keyof RecordedStep]: RecordedStep[F] } = {
    tokens: tokens[i]!, confidence: Number.isNaN(confidence[i]) ? null : confidence[i]!,
  }
  if (em[i] !== -1) step.em = em[i] as 0 | 1
  if (digest !== undefined) step.answer_digest = digest
  if (signals !== undefined) step.signals = signals
  return step
}

/** Limits of recorded steps, and of the decision log, where an event counts as a step. */
export interface RecordLimits {
  /** How long a record is kept after its last step, s. */
  readonly seconds: number
  /** Steps of one generation; later steps are not kept. */
  readonly steps: number
  /** Number of records; the least recently written are dropped first. */
  readonly generations: number
  /** Length of all encoded steps; the least recently written records are dropped first. */
  readonly bytes: number
}

export const RECORD_LIMITS: RecordLimits = { seconds: 3600, steps: 4096, generations: 100_000, bytes: 64 * 1024 * 1024 }

/**
 * The recorded steps of control generations, kept until their outcomes come. One contract suite tests these laws on every implementation:
 *  1. `append` adds steps to the records of their generations, in order, whichever replicas write. If it rejects, the steps may have been
 *     kept; they may be appended again.
 *  2. Records are bounded by RecordLimits: a whole record expires some time after its last step, steps beyond the limit of a generation are
 *     not kept, and of too many records the least recently written ones are dropped.
 *  3. A forgotten record is gone, steps that were being written included. Later steps start it again.
 */
export interface StepRecordStore {
  /** Returns how many of the steps were kept. The batch must not change until then. */
  readonly append: (steps: StepBatch) => Promise<number>
  /** Records by generation id; generations without a record are absent. */
  readonly read: (generationIds: readonly string[]) => Promise<Map<string, RecordedStep[]>>
  readonly forget: (generationIds: readonly string[]) => Promise<void>
}
