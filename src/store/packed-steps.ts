import type { RecordedStep } from '../core/recording/recorded-step.js'
import { inTurns } from './encoding.js'
import { decodeSteps, encodeStep } from './record-encoding.js'
import { stepIn, type StepBatch } from './step-batch.js'

/**
 * A step is a word with its tokens and its EM, little endian, and its confidence, a double; or a word with the length of a text, and that,
 * up to the next word.
 */
const PLAIN = 12
const WORD = 4

/** What a step is, above its tokens: without EM, with EM 0 or 1, or a text. */
const KIND_AT = 30
const NO_EM = 0
const TEXT = 3
const VALUE = 2 ** KIND_AT - 1

/** Steps that are to be packed, and the texts of those that have more than numbers. */
export interface Packing extends StepBatch { readonly texts: ReadonlyMap<number, Buffer> }

/** Room for decisions to be answered in between, for there may be many signals. */
export async function packing (batch: StepBatch): Promise<Packing> {
  if (batch.beside.size === 0) return { ...batch, texts: NONE }
  return { ...batch, texts: new Map(await inTurns([...batch.beside.keys()], (i) => [i, textOf(batch, i)])) }
}

export const packingAtOnce = (batch: StepBatch): Packing =>
  ({ ...batch, texts: new Map([...batch.beside.keys()].map((i) => [i, textOf(batch, i)])) })

const NONE: ReadonlyMap<number, Buffer> = new Map()
const textOf = (batch: StepBatch, i: number): Buffer => Buffer.from(encodeStep(stepIn(batch, i)))

const padded = (length: number): number => length + WORD - 1 & -WORD

/** Bytes, of steps of a batch that follow each other. */
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

/** Writes them from a place on. */
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

/** All that these bytes are, whole as they were written. */
export function unpackSteps (packed: Buffer): RecordedStep[] {
  const steps: RecordedStep[] = []
  for (let at = 0; at < packed.length;) {
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
