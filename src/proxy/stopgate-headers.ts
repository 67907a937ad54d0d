import type { IncomingHttpHeaders } from 'node:http'
import type { Context } from '../core/policy/context.js'

/** What a client says about a generation by its headers. */
export interface Said {
  readonly isOff: boolean
  readonly context: Context
  readonly group: string | null
  readonly samples: number | null
  readonly gold: string | null
}

const MAX_HEADER = 8192
const MAX_TEXT = 128
const MAX_GOLD = 4096
/** What decoders put where bytes are not UTF-8. The service refuses it in ids and contexts. */
const REPLACEMENT = '\uFFFD'

/** Headers that can't be read: the request is passed through. */
export class HeaderError extends Error { override name = 'HeaderError' }

/** @throws HeaderError */
export function readStopgateHeaders (headers: IncomingHttpHeaders): Said {
  const text = (name: string, most: number) => {
    const value = headers[`x-stopgate-${name}`]
    return value === undefined ? null : decoded(String(value), most)
  }
  const samples = text('samples', MAX_TEXT)
  if (samples !== null && !/^[1-9]\d{0,5}$/.test(samples)) throw new HeaderError('X-Stopgate-Samples must be a whole number from 1')
  return {
    isOff: headers['x-stopgate']?.toString().trim().toLowerCase() === 'off',
    context: contextOf(headers['x-stopgate-context']),
    group: text('group', MAX_TEXT),
    samples: samples === null ? null : Number(samples),
    gold: text('gold', MAX_GOLD),
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
    context[level] = decoded(value, MAX_TEXT)
  }
  return context
}

function decoded (value: string, mostBytes: number): string {
  let text: string
  try { text = decodeURIComponent(value) } catch { throw new HeaderError('a value is not percent-encoded UTF-8') }
  if (mostBytes === MAX_TEXT && text.includes(REPLACEMENT)) throw new HeaderError('a value is not valid Unicode')
  if (text === '' || Buffer.byteLength(text) > mostBytes) throw new HeaderError(`a value must have 1 to ${mostBytes} bytes`)
  return text
}
