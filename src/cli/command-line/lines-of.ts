import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** The longest line, characters. Node.js ends the process where a text reaches 512 Mi, which nothing can catch in a stream of lines. */
const MAX_LINE = 128 * 1024 * 1024

/**
 * The lines of a file. Only a line feed ends one, with or without a carriage return: JSON may contain all other separators.
 * @throws Error if a line is too long, or the file cannot be read
 */
export async function * linesOf (input: Readable, maxLine = MAX_LINE): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let parts: string[] = []
  let length = 0
  let number = 1
  for await (const bytes of input) {
    const [first = '', ...rest] = decoder.write(bytes as Buffer).split('\n')
    parts.push(first)
    length += first.length
    for (const next of rest) {
      yield withoutReturn(parts.join(''))
      number++
      parts = [next]
      length = next.length
    }
    if (length > maxLine) throw new Error(`line ${number} is longer than ${maxLine} characters`)
  }
  if (length > 0) yield withoutReturn(parts.join(''))
}

function withoutReturn (line: string): string { return line.endsWith('\r') ? line.slice(0, -1) : line }
