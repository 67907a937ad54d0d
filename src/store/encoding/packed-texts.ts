import type { TextBatch } from '../event-store.js'
import { inTurns } from './in-turns.js'

/** Size of the length before each packed text, bytes; it is little-endian. Texts are padded to whole words. */
const WORD = 4

/** A batch of texts in UTF-8, to be packed. */
export interface Packing extends Omit<TextBatch, 'texts'> { readonly texts: readonly Buffer[] }

/** Encodes the texts of a batch in turns, since they may be long. */
export async function packing (batch: TextBatch): Promise<Packing> {
  return { ...batch, texts: await inTurns(batch.texts, (text) => Buffer.from(text)) }
}

/** A length rounded up to whole words, bytes. */
export const padded = (length: number): number => length + WORD - 1 & -WORD

/** Packed length of the texts from `from` up to, but not including, `to`, bytes. */
export function packedLength ({ texts }: Packing, from: number, to: number): number {
  let length = 0
  for (let i = from; i < to; i++) length += WORD + padded(texts[i]!.length)
  return length
}

/** Writes the texts from `from` up to, but not including, `to` into a row at an offset. */
export function packTexts (row: Buffer, at: number, { texts }: Packing, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const text = texts[i]!
    row.writeUInt32LE(text.length, at)
    at += WORD
    row.set(text, at)
    row.fill(0, at + text.length, at + padded(text.length))
    at += padded(text.length)
  }
}

/** Reads packed texts, up to the first damaged one. */
export function unpackTexts (packed: Buffer): string[] {
  const texts: string[] = []
  for (let at = 0; at + WORD <= packed.length;) {
    const length = packed.readUInt32LE(at)
    at += WORD
    if (at + length > packed.length) break // damaged
    texts.push(packed.toString('utf8', at, at + length))
    at += padded(length)
  }
  return texts
}
