import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { requestHeaders, responseHeaders } from './protocol/raw-headers.js'
import type { Upstream, UpstreamReply } from './protocol/upstream.js'

/** A body that was read whole, or a stream of a longer one: the part that was read, then the rest. */
export async function readBody (request: IncomingMessage, maxBytes: number): Promise<Buffer | Readable> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request.iterator({ destroyOnReturn: false })) {
    parts.push(part)
    size += part.length
    if (size > maxBytes) return Readable.from(concatenated(parts, request))
  }
  return Buffer.concat(parts)
}

async function * concatenated (parts: readonly Buffer[], rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield * parts
  yield * rest
}

/**
 * Calls `listener` once, when the reply has ended or the client has gone. Node reports the latter only to the first of the replies that a
 * connection waits for (HTTP/1.1 pipelining), so the connection is listened to as well.
 */
export function onClosed ({ socket }: IncomingMessage, response: ServerResponse, listener: () => void): void {
  const closed = (): void => {
    socket.off('close', closed)
    response.off('close', closed)
    listener()
  }
  socket.setMaxListeners(0) // a connection may bring many requests at once
  socket.once('close', closed)
  response.once('close', closed)
}

/**
 * Passes a request on, and the reply back, as they are.
 * @param body the unread rest of the request, or all of it
 * @param signal ends the upstream's work when the client has gone
 */
export async function passThrough (
  upstream: Upstream, request: IncomingMessage, response: ServerResponse, body: Readable | Buffer | null, signal: AbortSignal
): Promise<void> {
  const { method = 'GET', url: path = '/', rawHeaders } = request
  let reply: UpstreamReply
  try {
    reply = await upstream.open({ method, path, headers: requestHeaders(rawHeaders), body, signal })
  } catch (error) {
    if (signal.aborted) return
    refuseAsUnreachable(response, error as Error)
    return
  }
  await relay(reply, response, signal)
}

/** Passes a reply back as it is, at the pace of the slower side. A reply that breaks off breaks off for the client, too. */
export async function relay (reply: UpstreamReply, response: ServerResponse, signal: AbortSignal): Promise<void> {
  response.writeHead(reply.status, responseHeaders(reply.headers))
  response.flushHeaders()
  try {
    await pipeline(reply.body.readable(), response, { signal })
  } catch {
    response.destroy()
  }
}

/** Replies that the upstream can't be reached. */
export function refuseAsUnreachable (response: ServerResponse, error: Error): void {
  const { code = '' } = error as NodeJS.ErrnoException
  const body = openAiErrorBody(`the model server can't be reached: ${error.message || code}`, 'upstream_unreachable')
  response.writeHead(502, { 'content-type': 'application/json' }).end(body)
}

/** An error in the format that OpenAI's clients read. */
export function openAiErrorBody (message: string, code: string): string {
  return JSON.stringify({ error: { message: `stopgate proxy: ${message}`, type: 'server_error', param: null, code } })
}
