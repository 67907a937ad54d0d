import type { IncomingHttpHeaders } from 'node:http'
import { MOST_SAMPLES } from '../core/enrolment/member.js'
import { REPLACEMENT, type Context } from '../core/policy/context.js'

/** What a client says about a generation by its headers. */
export type Said = ReturnType<typeof readStopgateHeaders>

const MAX_HEADER = 8192
const MAX_TEXT = 128
const MAX_GOLD = 4096

/** Headers that can't be read: the request is passed through. */
export class HeaderError extends Error { override name = 'HeaderError' }

/** @throws HeaderError */
export function readStopgateHeaders (headers: IncomingHttpHeaders) {
  const read = <T>(name: string, parse: (value: string) => T) => {
    const value = headers[`x-stopgate-${name}`]
    return value === undefined ? null : parse(String(value))
  }
  return {
    isOff: headers['x-stopgate']?.toString().trim().toLowerCase() === 'off',
    context: contextOf(headers['x-stopgate-context']),
    group: read('group', nameOf),
    samples: read('samples', samplesOf),
    gold: read('gold', (value) => decoded(value, MAX_GOLD)),
  }
}

/** `task=gsm8k,lang=en`, with percent-encoded values. */
function contextOf (header: string | string[] | undefined): Context {
  const context: Record<string, string> = Object.create(null)
  if (header === undefined) return context
  const text = String(header)
  if (text.length > MAX_HEADER) throw new HeaderError('X-Stopgate-Context is too long')
  for (const part of text.split(',')) {
    const [, level, value] = /^\s*([A-Za-z][\w.-]{0,31})\s*=\s*(.*?)\s*$/.exec(part) ?? []
    if (level === undefined || value === undefined) throw new HeaderError('X-Stopgate-Context must be like task=gsm8k')
    context[level] = nameOf(value)
  }
  return context
}

function samplesOf (value: string): number {
  const samples = /^\d+$/.test(value) ? Number(value) : 0
  if (samples < 1 || samples > MOST_SAMPLES) throw new HeaderError(`X-Stopgate-Samples must be a whole number from 1 to ${MOST_SAMPLES}`)
  return samples
}

/** An id, or a value of a context: the service would refuse others. */
function nameOf (value: string): string {
  const name = decoded(value, MAX_TEXT)
  if (name.includes(REPLACEMENT)) throw new HeaderError('a value contains U+FFFD, which stands for bytes that are not UTF-8')
  return name
}

function decoded (value: string, mostBytes: number): string {
  let text: string
  try { text = decodeURIComponent(value) } catch { throw new HeaderError('a value is not percent-encoded UTF-8') }
  if (text === '' || Buffer.byteLength(text) > mostBytes) throw new HeaderError(`a value must have 1 to ${mostBytes} bytes`)
  return text
}
