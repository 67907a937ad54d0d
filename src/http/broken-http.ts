import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { errorBody, HeadersTooLargeError, MalformedRequestError, RequestTimeoutError, type InputError } from '../errors/errors.js'
import type { CutCause } from '../metrics/cut-causes.js'

/** Why a code of Node's ends a connection; any other is malformed HTTP. */
const CAUSES: Readonly<Record<string, CutCause>> = { ERR_HTTP_REQUEST_TIMEOUT: 'timeout', HPE_HEADER_OVERFLOW: 'headers' }

/**
 * What answers who sends no HTTP, too much of it, or too slowly, and cuts it off: no route sees that.
 * @param timeoutMs what they had, for the message
 */
export function brokenHttp (cut: (cause: CutCause) => void, timeoutMs: number): (error: Error & { code?: string }, socket: Socket) => void {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return // nobody is there
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
