import type { RecordedStep } from '../../src/core/step-records/recorded-steps.js'
import type { Beside, StepBatch } from '../../src/store/step-record-store.js'

/** A batch of the steps of generations, given by their ids. */
export function batchOf (records: ReadonlyMap<string, readonly RecordedStep[]>): StepBatch {
  const starts = [0]
  for (const some of records.values()) starts.push(starts.at(-1)! + some.length)
  const count = starts.at(-1)!
  const [tokens, confidence, em] = [new Float64Array(count), new Float64Array(count), new Int8Array(count)]
  const beside = new Map<number, Beside>()
  let i = 0
  for (const some of records.values()) {
    for (const step of some) {
      tokens[i] = step.tokens
      confidence[i] = step.confidence ?? NaN
      em[i] = step.em ?? -1
      if (step.answer_digest !== undefined || step.signals !== undefined) beside.set(i, step)
      i++
    }
  }
  return { ids: [...records.keys()], starts, tokens, confidence, em, beside }
}
