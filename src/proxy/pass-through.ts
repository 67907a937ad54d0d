import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { requestHeaders, responseHeaders } from './hop-by-hop.js'
import { errorBody } from './proxy-errors.js'
import type { UpstreamReply } from './exchange.js'
import type { Upstream } from './upstream.js'

/**
 * Passes a request on, and the reply back, as they are.
 * @param body what is left of the request, or all of it
 * @param signal ends the upstream's work when the client has gone
 */
export async function passThrough (
  upstream: Upstream, request: IncomingMessage, response: ServerResponse, body: Readable | Buffer | null, signal: AbortSignal
): Promise<void> {
  let reply: UpstreamReply
  try {
    reply = await upstream.open({ method: request.method!, path: request.url!, headers: requestHeaders(request.rawHeaders), body, signal })
  } catch (error) {
    if (signal.aborted) return
    refuseAsUpstream(response, error as Error)
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

/** The reply where the upstream can't be reached. */
export function refuseAsUpstream (response: ServerResponse, error: Error): void {
  const { code = '' } = error as NodeJS.ErrnoException
  const body = errorBody(`the model server can't be reached: ${error.message || code}`, 'upstream_unreachable')
  response.writeHead(502, { 'content-type': 'application/json' }).end(body)
}
