import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/** A body that was read whole, or a stream of one that is too long: the part that was read, then the rest. */
export async function readBody (request: IncomingMessage, maxBytes: number): Promise<Buffer | Readable> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    parts.push(part)
    size += part.length
    if (size > maxBytes) return Readable.from(joined(parts, request))
  }
  return Buffer.concat(parts)
}

async function * joined (parts: readonly Buffer[], rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield * parts
  yield * rest
}
