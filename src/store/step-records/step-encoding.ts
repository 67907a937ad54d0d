import type { Em } from '../../core/certificate/trace.js'
import type { RecordedStep } from '../../core/step-records/recorded-steps.js'
import { inTurns } from '../encoding/in-turns.js'
import { type StepBatch, stepIn } from '../step-record-store.js'
import { isRecordedStep } from '../encoding/stored-schemas.js'

/** Encodes a step as the JSON list `[tokens, confidence, em, answer_digest, signals]`, which ends with its last known field. */
export function encodeStep ({ tokens, confidence, em, answer_digest: digest, signals }: RecordedStep): string {
  if (digest === undefined && signals === undefined) return em === undefined ? `[${tokens},${confidence}]` : `[${tokens},${confidence},${em}]`
  const fields = [tokens, confidence, em ?? null, digest ?? null]
  return JSON.stringify(signals === undefined ? fields : [...fields, signals])
}

type Fields = [number, number | null, Em?, (string | null)?, Record<string, number>?]

/** Decodes one encoded step, or several joined by commas. Leaves out damaged steps: a generation that lacks steps counts as lost. */
export function decodeSteps (texts: string): RecordedStep[] {
  try { return (JSON.parse(`[${texts}]`) as Fields[]).filter(isRecordedStep).map(stepOf) } catch { return [] }
}

function stepOf ([tokens, confidence, em, digest, signals]: Fields): RecordedStep {
  return { tokens, confidence, ...(em != null && { em }), ...(digest != null && { answer_digest: digest }), ...(signals && { signals }) }
}

/**
 * Sizes of packed steps, bytes; numbers are little-endian. A plain step is a word with its tokens and its EM, and a double with its
 * confidence (NaN: unknown). A step that also has a digest or signals is a word with the length of its text, and the text that
 * `encodeStep` returns in UTF-8, padded to whole words.
 */
const PLAIN = 12
const WORD = 4

/** The two highest bits of a word: 0 no EM, 1 EM 0, 2 EM 1, 3 a text. The other bits are the tokens, or the length of the text. */
const KIND_SHIFT = 30
const NO_EM = 0
const TEXT = 3
const VALUE_MASK = 2 ** KIND_SHIFT - 1

/** Steps to pack, with the encoded texts of those that have a digest or signals, by their index. */
export interface Packing extends StepBatch { readonly texts: ReadonlyMap<number, Buffer> }

/** Prepares steps for packing. Encodes the texts in turns, since steps may have many signals. */
export async function packing (batch: StepBatch): Promise<Packing> {
  if (batch.beside.size === 0) return { ...batch, texts: NONE }
  return { ...batch, texts: new Map(await inTurns([...batch.beside.keys()], (i) => [i, Buffer.from(encodeStep(stepIn(batch, i)))])) }
}

const NONE: ReadonlyMap<number, Buffer> = new Map()

/** A length rounded up to whole words, bytes. */
export const padded = (length: number): number => length + WORD - 1 & -WORD

/** Packed length of the steps from `from` up to, but not including, `to`, bytes. */
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

/** Writes the steps from `from` up to, but not including, `to` at an offset. */
export function packSteps (view: DataView, at: number, { tokens, confidence, em, texts }: Packing, from: number, to: number): void {
  const hasTexts = texts.size > 0
  for (let i = from; i < to; i++) {
    const text = hasTexts ? texts.get(i) : undefined
    if (text === undefined) {
      view.setUint32(at, tokens[i]! | em[i]! + 1 << KIND_SHIFT, true)
      view.setFloat64(at + WORD, confidence[i]!, true)
      at += PLAIN
    } else at = packText(view, at, text)
  }
}

function packText (view: DataView, at: number, text: Buffer): number {
  view.setUint32(at, text.length | TEXT << KIND_SHIFT, true)
  const room = new Uint8Array(view.buffer, view.byteOffset + at + WORD, padded(text.length))
  room.fill(0)
  room.set(text)
  return at + WORD + room.length
}

/** Reads packed texts other than steps, up to the first damaged one. */
export function unpackTexts (packed: Buffer): string[] {
  const texts: string[] = []
  for (let at = 0; at + WORD <= packed.length;) {
    const word = packed.readUInt32LE(at)
    const length = word & VALUE_MASK
    at += WORD
    if (word >>> KIND_SHIFT !== TEXT || at + length > packed.length) break // damaged
    texts.push(packed.toString('utf8', at, at + length))
    at += padded(length)
  }
  return texts
}

/** Reads packed steps, up to the first damaged one. */
export function unpackSteps (packed: Buffer): RecordedStep[] {
  const steps: RecordedStep[] = []
  for (let at = 0; at + PLAIN <= packed.length;) {
    const word = packed.readUInt32LE(at)
    const kind = word >>> KIND_SHIFT
    const value = word & VALUE_MASK
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
