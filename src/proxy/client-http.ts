import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { FREE_BODY_BYTES, type BodyTicket } from '../http/body-admission.js'
import { JsonShape } from '../http/json-shape.js'
import { breakOff } from './protocol/broken-reply.js'
import { requestHeaders, responseHeaders } from './protocol/raw-headers.js'
import type { Upstream, UpstreamReply } from './protocol/upstream.js'

/** Whether a request has a body. */
export function hasBody ({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
}

/** Why a body is not read to its end. `gone`: the client has disconnected; `costly`: it would cost too much to parse. */
export type BodyProblem = 'gone' | 'late' | 'full' | 'costly'

/**
 * Messages, their parts, tools and schemas are arrays and objects. With eight times as many, a flood of such bodies kept
 * other clients waiting for more than 50 ms (`npm run attack`).
 */
const MAX_CHAT_CONTAINERS = 16_384

interface ReadOptions {
  readonly maxBytes: number
  /** Time in which a body up to maxBytes must arrive, and then each further maxBytes of a longer one, ms. */
  readonly timeoutMs: number
  readonly ticket: Pick<BodyTicket, 'grow'>
  /** Whether the body will be parsed, here or by the model server. */
  readonly isParsed: boolean
}

/** A body that was read whole, or a stream of a longer one: the part that was read, then the rest. */
export async function readBody (
  request: IncomingMessage, { maxBytes, timeoutMs, ticket, isParsed }: ReadOptions): Promise<Buffer | Readable | BodyProblem> {
  const parts: Buffer[] = []
  let size = 0
  let shape: JsonShape | undefined // of a body that is not short
  const isCostly = (part: Buffer): boolean => {
    if (!isParsed || size <= FREE_BODY_BYTES) return false
    if (shape !== undefined) return shape.add(part)
    shape = new JsonShape(MAX_CHAT_CONTAINERS)
    return parts.some((part) => shape!.add(part))
  }
  return await new Promise((resolve) => {
    const finish = (result: Buffer | Readable | BodyProblem): void => {
      clearTimeout(deadline)
      request.off('data', take).off('end', end).off('error', fail).off('close', fail)
      request.pause()
      resolve(result)
    }
    const take = (part: Buffer): void => {
      parts.push(part)
      size += part.length
      if (ticket.grow(size) !== null) finish('full')
      else if (isCostly(part)) finish('costly')
      else if (size > maxBytes) finish(Readable.from(concatenated(parts, request, { maxBytes, timeoutMs })))
    }
    const end = (): void => { finish(Buffer.concat(parts)) }
    const fail = (): void => { finish('gone') }
    const deadline = setTimeout(finish, timeoutMs, 'late')
    request.on('data', take).once('end', end).once('error', fail).once('close', fail)
  })
}

/** The client does not send the rest of its body. */
class LateBodyError extends Error { override name = 'LateBodyError' }

/** Only the time in which the client is waited for counts: the model server may read slowly. */
async function * concatenated (
  parts: readonly Buffer[], request: IncomingMessage, { maxBytes, timeoutMs }: Pick<ReadOptions, 'maxBytes' | 'timeoutMs'>): AsyncGenerator<Buffer> {
  yield * parts
  let bytes = 0
  let leftMs = timeoutMs
  const rest = request[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  for (;;) {
    const since = performance.now()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => { reject(new LateBodyError('the rest of the body does not arrive')) }, leftMs)
    })
    const { done, value } = await Promise.race([rest.next(), late]).finally(() => { clearTimeout(timer) })
    if (done) return
    bytes += value.length
    if (bytes >= maxBytes) [bytes, leftMs] = [0, timeoutMs]
    else leftMs -= performance.now() - since
    yield value
  }
}

const closeListeners = new WeakMap<ServerResponse, Array<() => void>>()

/**
 * Calls `listener` once, when the reply has ended or the client has gone. Node reports the latter only to the first of the replies that a
 * connection waits for (HTTP/1.1 pipelining), so the connection is listened to as well.
 */
export function onClosed ({ socket }: IncomingMessage, response: ServerResponse, listener: () => void): void {
  const present = closeListeners.get(response)
  if (present !== undefined) {
    present.push(listener)
    return
  }
  const listeners = [listener]
  closeListeners.set(response, listeners)
  let isClosed = false
  const closed = (): void => {
    if (isClosed) return // Node ends the replies while it emits `close` of the socket, so this listener is still called by that event
    isClosed = true
    socket.off('close', closed)
    response.off('close', closed)
    for (const call of listeners) call()
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
    if (error instanceof LateBodyError) refuse(response, 408, 'the rest of the body does not arrive', 'request_timeout')
    else refuseAsUnreachable(response, error as Error)
    return
  }
  await relay(reply, response, signal)
}

/** Passes a reply back as it is, at the pace of the slower side. A reply that breaks off breaks off for the client, too. */
export async function relay (reply: UpstreamReply, response: ServerResponse, signal: AbortSignal): Promise<void> {
  response.writeHead(reply.status, responseHeaders(reply.headers))
  response.flushHeaders()
  const body = reply.body.readable()
  body.once('close', () => { if (!body.readableEnded && !signal.aborted) breakOff(response) }) // before the pipeline ends the reply
  await pipeline(body, response, { signal }).catch(() => { response.destroy() })
}

/** Replies that the upstream can't be reached. */
export function refuseAsUnreachable (response: ServerResponse, error: Error): void {
  const { code = '' } = error as NodeJS.ErrnoException
  refuse(response, 502, `the model server can't be reached: ${error.message || code}`, 'upstream_unreachable')
}

/** Refuses a request. The connection closes if the body has not been read. */
export function refuse (response: ServerResponse, status: number, message: string, code: string): void {
  const isUnread = hasBody(response.req) && !response.req.complete
  response.writeHead(status, {
    'content-type': 'application/json', ...(status === 503 && { 'retry-after': '1' }), ...(isUnread && { connection: 'close' }),
  }).end(openAiErrorBody(message, code))
}

/** An error in the format that OpenAI's clients read. */
function openAiErrorBody (message: string, code: string): string {
  return JSON.stringify({ error: { message: `stopgate proxy: ${message}`, type: 'server_error', param: null, code } })
}
