import { readFileSync } from 'node:fs'
import { ConfigError } from '../../settings/environment.js'
import { fieldOf, itemsOf } from './json.js'
import { MAX_ANSWER_BYTES } from './stopgate-headers.js'

/** Right answers by the text of the prompt, which the operator states: they precede those of clients. */
export type Golds = ReadonlyMap<string, string>

/**
 * Reads a file of JSON lines `{"prompt": "What is 17 * 23?", "gold": "391"}`.
 * @throws ConfigError: the file can't be read, a line has another form, or a prompt has two right answers
 */
export function readGolds (path: string): Golds {
  const golds = new Map<string, string>()
  for (const [i, line] of textOf(path).split('\n').entries()) {
    if (line.trim() === '') continue
    const place = `PROXY_GOLD: ${path}:${i + 1}`
    const [prompt, gold] = entryOf(line, place)
    if ((golds.get(prompt) ?? gold) !== gold) throw new ConfigError(`${place}: this prompt has another right answer above`)
    golds.set(prompt, gold)
  }
  return golds
}

function textOf (path: string): string {
  try { return readFileSync(path, 'utf8') } catch (error) {
    throw new ConfigError(`PROXY_GOLD: the file can't be read: ${(error as Error).message}`)
  }
}

function entryOf (line: string, place: string): readonly [prompt: string, gold: string] {
  let entry: unknown
  try { entry = JSON.parse(line) } catch (error) { throw new ConfigError(`${place}: not JSON: ${(error as Error).message}`) }
  const [prompt, gold] = [fieldOf(entry, 'prompt'), fieldOf(entry, 'gold')]
  if (typeof prompt !== 'string' || typeof gold !== 'string' || gold === '' || Buffer.byteLength(gold) > MAX_ANSWER_BYTES) {
    throw new ConfigError(`${place}: must be like {"prompt": "What is 17 * 23?", "gold": "391"}, with a gold of at most ${MAX_ANSWER_BYTES} bytes`)
  }
  return [prompt.trim(), gold]
}

/** The right answer to the prompt of a request: its last message from the user, or the text to complete. `null`: it isn't known. */
export function goldOf (golds: Golds, { messages, prompt }: { readonly messages?: unknown, readonly prompt?: unknown }): string | null {
  const text = messages === undefined ? prompt : contentOf(itemsOf(messages).findLast((message) => fieldOf(message, 'role') === 'user'))
  return typeof text === 'string' ? golds.get(text.trim()) ?? null : null
}

function contentOf (message: unknown): unknown {
  const content = fieldOf(message, 'content')
  return Array.isArray(content) ? content.map((part) => String(fieldOf(part, 'text') ?? '')).join('') : content
}
