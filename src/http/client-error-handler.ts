import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { errorBody, HeadersTooLargeError, MalformedRequestError, RequestTimeoutError, type InputError } from '../errors/errors.js'
import type { CutCause } from '../metrics/metrics.js'

/** The cause that each error code of Node stands for. Any other code means malformed HTTP. */
const CAUSES: Readonly<Record<string, CutCause>> = { ERR_HTTP_REQUEST_TIMEOUT: 'timeout', HPE_HEADER_OVERFLOW: 'headers' }

/**
 * Handles connections on which Node could read no request: malformed HTTP, headers that are too large, or a request that took too long.
 * It answers with the error format of the service, and closes the connection. No route sees such a request.
 * @param timeoutMs the time a client has to send a whole request, for the message
 */
export function clientErrorHandler (cut: (cause: CutCause) => void, timeoutMs: number) {
  return (error: Error & { code?: string }, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return // the client has gone
    const cause = CAUSES[error.code ?? ''] ?? 'malformed'
    cut(cause)
    if (socket.writable) socket.write(reply(answer(cause, error.code ?? 'unknown', timeoutMs)))
    socket.destroy(error)
  }
}

function answer (cause: CutCause, code: string, timeoutMs: number): InputError {
  if (cause === 'timeout') return new RequestTimeoutError(String(timeoutMs / 1000))
  return cause === 'headers' ? new HeadersTooLargeError() : new MalformedRequestError(code)
}

function reply (error: InputError): string {
  const body = JSON.stringify(errorBody(error))
  return `HTTP/1.1 ${error.statusCode} ${STATUS_CODES[error.statusCode!]}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n` +
    `content-type: application/json; charset=utf-8\r\nconnection: close\r\n\r\n${body}`
}
