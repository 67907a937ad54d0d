import type { RecordedStep } from '../core/recording/recorded-step.js'

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
