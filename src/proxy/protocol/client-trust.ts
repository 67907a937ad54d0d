import type { StopgateHeaders } from './stopgate-headers.js'

/** Which statements of clients are believed. Anyone can send a request, and a label decides what is certified for all. */
export interface ClientTrust {
  /** Whether labels, groups, their sizes and contexts are believed. */
  readonly isTrusted: boolean
  /** Whether a client may name this value of a level of its context. */
  readonly mayName: (level: string, value: string) => boolean
}

/** What a client states and is believed, and the names of what it is not. */
interface Believed { readonly headers: StopgateHeaders, readonly doubted: readonly string[] }

/** Patterns such as `task=gsm8k,task=math-*`, with percent-encoded values; `*` stands for any text. */
export const CONTEXT_PATTERNS = '^([A-Za-z][A-Za-z0-9_.-]{0,31}=[^,=]+(, ?[A-Za-z][A-Za-z0-9_.-]{0,31}=[^,=]+)*)?$'

/** @param contexts patterns of the contexts that any client may name */
export function clientTrust (isTrusted: boolean, contexts: string): ClientTrust {
  if (isTrusted) return { isTrusted, mayName: () => true }
  const patterns = contexts.split(',').filter((part) => part !== '').map((part) => {
    const [level = '', value = ''] = part.trim().split('=')
    return { level, value: new RegExp(`^${value.split('*').map(literal).join('.*')}$`, 's') }
  })
  return { isTrusted, mayName: (level, value) => patterns.some((pattern) => pattern.level === level && pattern.value.test(value)) }
}

/** The source of an expression for a percent-encoded text; one that cannot be decoded stands for itself. */
function literal (text: string): string {
  let decoded = text
  try { decoded = decodeURIComponent(text) } catch {}
  return decoded.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&')
}

/** The headers of a request without those that are not believed. */
export function believed (headers: StopgateHeaders, { isTrusted, mayName }: ClientTrust): Believed {
  if (isTrusted) return { headers, doubted: [] }
  const named = Object.entries(headers.context)
  const left = (['gold', 'group', 'samples'] as const).filter((name) => headers[name] !== null)
  const context = Object.fromEntries(named.filter(([level, value]) => mayName(level, value)))
  return {
    headers: { ...headers, context, group: null, samples: null, gold: null },
    doubted: [
      ...left.map((name) => `X-Stopgate-${name[0]!.toUpperCase()}${name.slice(1)}`),
      ...named.filter(([level, value]) => !mayName(level, value)).map(([level]) => `X-Stopgate-Context: ${level}`),
    ],
  }
}
