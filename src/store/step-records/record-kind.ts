import type { RecordedStep } from '../../core/step-records/recorded-steps.js'
import { inTurns } from '../encoding/in-turns.js'
import type { TextBatch } from '../event-store.js'
import { type StepBatch, stepIn } from '../step-record-store.js'
import { decodeSteps, encodeStep, packing, type Packing, unpackSteps, unpackTexts } from './step-encoding.js'

/** A batch of items of several generations: those of `ids[i]` are from `starts[i]` to before `starts[i + 1]`. */
export interface Batch {
  readonly ids: readonly string[]
  readonly starts: ArrayLike<number>
}

/** The format of records: packed in the embedded store, as texts in Redis. */
export interface RecordKind<B extends Batch, I> {
  readonly packing: (batch: B) => Promise<Packing>
  /** Items after a damaged one are left out. */
  readonly unpack: (packed: Buffer) => I[]
  readonly textOf: (batch: B, item: number) => string
  /** None if the text is damaged. */
  readonly itemsOf: (text: string) => I[]
}

/** Steps of control generations, kept until their outcomes come. */
export const STEPS: RecordKind<StepBatch, RecordedStep> = {
  packing,
  unpack: unpackSteps,
  textOf: (batch, item) => encodeStep(stepIn(batch, item)),
  itemsOf: decodeSteps,
}

/** Texts, such as the events of the decision log. */
export const TEXTS: RecordKind<TextBatch, string> = {
  packing: async ({ ids, starts, texts }) =>
    ({ ...NO_STEPS, ids, starts, texts: new Map(await inTurns(texts, (text, i) => [i, Buffer.from(text)] as const)) }),
  unpack: unpackTexts,
  textOf: ({ texts }, item) => texts[item]!,
  itemsOf: (text) => [text],
}

const NO_STEPS = { tokens: new Float64Array(0), confidence: new Float64Array(0), em: new Int8Array(0), beside: new Map() }
