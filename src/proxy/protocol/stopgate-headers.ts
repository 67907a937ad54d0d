import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { MAX_SAMPLES } from '../../core/outcome/index.js'
import { type Context, REPLACEMENT_CHARACTER } from '../../core/policy/index.js'

/** The X-Stopgate headers of a request. */
export type StopgateHeaders = ReturnType<typeof readStopgateHeaders>

/** The longest X-Stopgate-Context, in characters. */
const MAX_CONTEXT_HEADER = 8192
/** The longest id or value of a context that the service accepts. */
export const MAX_NAME_BYTES = 128
/** The longest answer, and the longest label, that the service accepts. */
export const MAX_ANSWER_BYTES = 4096

/** A header that can't be read: the request is passed through. */
export class HeaderError extends Error { override name = 'HeaderError' }

/** @throws HeaderError */
export function readStopgateHeaders (headers: IncomingHttpHeaders) {
  const read = <T>(name: string, parse: (value: string) => T) => {
    const value = headers[`x-stopgate-${name}`]
    return value === undefined ? null : parse(String(value))
  }
  return {
    isOff: headers['x-stopgate']?.toString().trim().toLowerCase() === 'off',
    context: parseContext(headers['x-stopgate-context']),
    group: read('group', parseName),
    samples: read('samples', parseSamples),
    gold: read('gold', (value) => percentDecoded(value, MAX_ANSWER_BYTES)),
  }
}

/** `task=gsm8k,lang=en`, with percent-encoded values. */
function parseContext (header: string | string[] | undefined): Context {
  const context: Record<string, string> = Object.create(null)
  if (header === undefined) return context
  const text = String(header)
  if (text.length > MAX_CONTEXT_HEADER) throw new HeaderError('X-Stopgate-Context is too long')
  for (const part of text.split(',')) {
    const [level = '', value] = part.split(/=(.*)/s, 2).map((side) => side.trim())
    if (!/^[A-Za-z][\w.-]{0,31}$/.test(level) || value === undefined) throw new HeaderError('X-Stopgate-Context must be like task=gsm8k')
    context[level] = parseName(value)
  }
  return context
}

function parseSamples (value: string): number {
  const samples = /^\d+$/.test(value) ? Number(value) : 0
  if (samples < 1 || samples > MAX_SAMPLES) throw new HeaderError(`X-Stopgate-Samples must be a whole number from 1 to ${MAX_SAMPLES}`)
  return samples
}

/** An id, or a value of a context: the service would refuse others. */
function parseName (value: string): string {
  const name = percentDecoded(value, MAX_NAME_BYTES)
  if (!isName(name)) throw new HeaderError('a value begins with U+0000, or contains U+FFFD, which stands for bytes that are not UTF-8')
  return name
}

/** Whether the service accepts a text as an id, or as a value of a context. */
export function isName (text: string): boolean {
  const isFree = !text.includes(REPLACEMENT_CHARACTER) && !text.startsWith('\0')
  return text !== '' && Buffer.byteLength(text) <= MAX_NAME_BYTES && text.isWellFormed() && isFree
}

function percentDecoded (value: string, maxBytes: number): string {
  let text: string
  try { text = decodeURIComponent(value) } catch { throw new HeaderError('a value is not percent-encoded UTF-8') }
  if (text === '' || Buffer.byteLength(text) > maxBytes) throw new HeaderError(`a value must have 1 to ${maxBytes} bytes`)
  return text
}

/**
 * A text of at most `maxBytes` bytes of UTF-8, as the service accepts it. A longer text keeps its beginning and gets a digest, so that two
 * texts stay equal only if they were equal.
 */
export function fitText (text: string, maxBytes: number): string {
  const whole = text.toWellFormed()
  const bytes = Buffer.from(whole)
  if (bytes.length <= maxBytes) return whole
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 32)
  return new TextDecoder().decode(bytes.subarray(0, maxBytes - digest.length - 4)).replace(/\ufffd$/, '') + ' ' + digest
}
