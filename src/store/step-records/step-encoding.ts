import type { Em } from '../../core/certificate/trace.js'
import type { RecordedStep } from '../../core/step-records/recorded-steps.js'
import { inTurns } from '../encoding/in-turns.js'
import { type StepBatch, stepIn } from '../step-record-store.js'
import { isRecordedStep } from '../encoding/stored-schemas.js'

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

/**
 * A plain step is a little-endian word with its tokens and its EM, and a double with its confidence. A step that has more is a word with
 * the length of a text, and the text in UTF-8, padded to whole words.
 */
const PLAIN = 12
const WORD = 4

/** The two highest bits of the word: no EM, EM 0, EM 1, or a text. */
const KIND_AT = 30
const NO_EM = 0
const TEXT = 3
const VALUE = 2 ** KIND_AT - 1

/** Steps to pack, with the texts of those that have a digest or signals. */
export interface Packing extends StepBatch { readonly texts: ReadonlyMap<number, Buffer> }

/** Encodes the texts in turns, since steps may have many signals. */
export async function packing (batch: StepBatch): Promise<Packing> {
  if (batch.beside.size === 0) return { ...batch, texts: NONE }
  return { ...batch, texts: new Map(await inTurns([...batch.beside.keys()], (i) => [i, Buffer.from(encodeStep(stepIn(batch, i)))])) }
}

const NONE: ReadonlyMap<number, Buffer> = new Map()

/** A length in bytes, rounded up to whole words. */
export const padded = (length: number): number => length + WORD - 1 & -WORD

/** Length of the steps from `from` to before `to`, bytes. */
export function packedLength ({ texts }: Packing, from: number, to: number): number {
  let length = PLAIN * (to - from)
  if (texts.size > 0) {
    for (let i = from; i < to; i++) {
      const text = texts.get(i)
      if (text !== undefined) length += WORD + padded(text.length) - PLAIN
    }
  }
  return length
}

/** Writes the steps from `from` to before `to` at an offset. */
export function packSteps (view: DataView, at: number, { tokens, confidence, em, texts }: Packing, from: number, to: number): void {
  const hasTexts = texts.size > 0
  for (let i = from; i < to; i++) {
    const text = hasTexts ? texts.get(i) : undefined
    if (text === undefined) {
      view.setUint32(at, tokens[i]! | em[i]! + 1 << KIND_AT, true)
      view.setFloat64(at + WORD, confidence[i]!, true)
      at += PLAIN
    } else at = packText(view, at, text)
  }
}

function packText (view: DataView, at: number, text: Buffer): number {
  view.setUint32(at, text.length | TEXT << KIND_AT, true)
  const room = new Uint8Array(view.buffer, view.byteOffset + at + WORD, padded(text.length))
  room.fill(0)
  room.set(text)
  return at + WORD + room.length
}

/** Reads texts that were packed in place of steps. */
export function unpackTexts (packed: Buffer): string[] {
  const texts: string[] = []
  for (let at = 0; at + WORD <= packed.length;) {
    const word = packed.readUInt32LE(at)
    const length = word & VALUE
    at += WORD
    if (word >>> KIND_AT !== TEXT || at + length > packed.length) break // damaged
    texts.push(packed.toString('utf8', at, at + length))
    at += padded(length)
  }
  return texts
}

/** Reads packed steps. Steps after a damaged one are left out. */
export function unpackSteps (packed: Buffer): RecordedStep[] {
  const steps: RecordedStep[] = []
  for (let at = 0; at + PLAIN <= packed.length;) {
    const word = packed.readUInt32LE(at)
    const kind = word >>> KIND_AT
    const value = word & VALUE
    at += WORD
    if (kind === TEXT) {
      steps.push(...decodeSteps(packed.toString('utf8', at, at + value)))
      at += padded(value)
      continue
    }
    const confidence = packed.readDoubleLE(at)
    const step = { tokens: value, confidence: Number.isNaN(confidence) ? null : confidence }
    steps.push(kind === NO_EM ? step : { ...step, em: kind - 1 as 0 | 1 })
    at += PLAIN - WORD
  }
  return steps
}
