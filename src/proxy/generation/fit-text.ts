import { createHash } from 'node:crypto'

/** A text of at most so many bytes. Of a longer one the beginning stays, and a digest, so that only equals stay equal. */
export function fitText (text: string, maxBytes: number): string {
  const whole = text.toWellFormed()
  const bytes = Buffer.from(whole)
  if (bytes.length <= maxBytes) return whole
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 32)
  return new TextDecoder().decode(bytes.subarray(0, maxBytes - digest.length - 4)).replace(/\ufffd$/, '') + ' ' + digest
}
