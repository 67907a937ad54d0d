/** The ways to force an answer that `--probe` names. */
export const PROBE_STYLES = ['plain', 'boxed', 'choice', 'json', 'direct'] as const
export type ProbeStyleName = typeof PROBE_STYLES[number]

/** How an answer is forced behind the end of a thought, and what of a text is the answer. */
export interface ProbeStyle {
  readonly suffix: string
  /** Texts that end a forced answer. */
  readonly stops: readonly string[]
  /** The answer in what was forced. */
  readonly forced: (text: string) => string
  /** The answer in what the model wrote of itself; '' if there is none. */
  readonly final: (text: string) => string
}

const STYLES: Readonly<Record<ProbeStyleName, ProbeStyle>> = {
  plain: { suffix: 'Final answer:', stops: ['\n'], forced: firstLine, final: (text) => firstLine(behind(text, /final answer\W*?:\**/gi) ?? text) },
  boxed: {
    suffix: 'The final answer is \\boxed{',
    stops: ['\n', '}$', '}.'],
    forced: inBraces,
    final: (text) => inBraces(behind(text, /\\boxed\s*\{/g) ?? ''),
  },
  choice: {
    suffix: 'The answer is (',
    stops: [')', '\n'],
    forced: (text) => letterIn(text),
    final: (text) => letterIn(behind(text, /(answer|choice|option)\s*(is|:)?\W*?(?=\(?[A-Z]\b)/gi) ?? text),
  },
  json: { suffix: '{', stops: ['\n\n'], forced: (text) => canonicalJson(`{${text}`), final: canonicalJson },
  direct: { suffix: '', stops: [], forced: (text) => text.trim(), final: (text) => text.trim() },
}

/** @param suffix in place of the style's own; '': that of the style */
export function probeStyle (name: ProbeStyleName, suffix = ''): ProbeStyle {
  return suffix === '' ? STYLES[name] : { ...STYLES[name], suffix }
}

/** The text behind the last match. */
function behind (text: string, pattern: RegExp): string | null {
  const last = [...text.matchAll(pattern)].at(-1)
  return last === undefined ? null : text.slice(last.index + last[0].length)
}

function firstLine (text: string): string {
  return text.trim().split('\n', 1)[0]!.trim()
}

/** What stands before the brace that closes one opened before the text. */
function inBraces (text: string): string {
  let depth = 1
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '{') depth++
    if (text[i] === '}' && --depth === 0) return text.slice(0, i).trim()
  }
  return text.trim()
}

function letterIn (text: string): string {
  return /(?<![A-Za-z])[A-Z](?![A-Za-z])/.exec(text)?.[0] ?? ''
}

/** The first JSON object or list in a text, with its keys in order, so that equal values are equal texts; else the text as it is. */
function canonicalJson (text: string): string {
  const value = firstBalanced(text)
  try { return JSON.stringify(sorted(JSON.parse(value ?? text))) } catch { return text.trim() }
}

/** From the first opening brace or bracket to the one that closes it. */
function firstBalanced (text: string): string | null {
  const start = text.search(/[{[]/)
  let depth = 0
  for (const { 0: token, index } of text.slice(Math.max(0, start)).matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth++
    else if ((token === '}' || token === ']') && --depth === 0) return text.slice(start, start + index + 1)
  }
  return null
}

function sorted (value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1).map(([key, item]) => [key, sorted(item)]))
}
