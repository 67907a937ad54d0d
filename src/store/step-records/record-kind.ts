import type { Em } from '../../core/certificate/stops.js'
import type { RecordedStep } from '../../core/recording/recorded-step.js'
import { inTurns } from '../encoding/in-turns.js'
import { isRecordedStep } from '../encoding/stored-schemas.js'
import type { TextBatch } from '../event-store.js'
import { type StepBatch, stepIn } from '../step-record-store.js'
import { packing, type Packing, unpackSteps, unpackTexts } from './packed-steps.js'

/** Encodes a step as `[tokens, confidence, em, answer_digest, signals]`, without absent fields at the end. */
export function encodeStep ({ tokens, confidence, em, answer_digest: digest, signals }: RecordedStep): string {
  if (digest === undefined && signals === undefined) return em === undefined ? `[${tokens},${confidence}]` : `[${tokens},${confidence},${em}]`
  const fields = [tokens, confidence, em ?? null, digest ?? null]
  return JSON.stringify(signals === undefined ? fields : [...fields, signals])
}

type Fields = [number, number | null, Em?, (string | null)?, Record<string, number>?]

/** Decodes one text, or several joined by commas. Damaged steps are left out; missing steps count as the worst case. */
export function decodeSteps (texts: string): RecordedStep[] {
  try { return (JSON.parse(`[${texts}]`) as Fields[]).filter(isRecordedStep).map(stepOf) } catch { return [] }
}

function stepOf ([tokens, confidence, em, digest, signals]: Fields): RecordedStep {
  return { tokens, confidence, ...(em != null && { em }), ...(digest != null && { answer_digest: digest }), ...(signals && { signals }) }
}

/** A batch of items of several generations: those of `ids[i]` are from `starts[i]` to before `starts[i + 1]`. */
export interface Batch {
  readonly ids: readonly string[]
  readonly starts: ArrayLike<number>
}

/** What records consist of, and how it is written: packed in the embedded store, as texts in Redis. */
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
