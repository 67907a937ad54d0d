import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { problemOf } from '../../../openapi/validation.js'
import { isOurs } from '../../errors/error-codes.js'
import {
  at, errorBody, HeadersTooLargeError, type InputError, InternalError, invalid, InvalidInputError,
  InvalidUrlError, LogFullError, MalformedRequestError, MediaTypeError, MethodNotAllowedError, PathTooLongError, RefusedError,
  RequestTimeoutError, StoreDownError, StoreNewerError,
} from '../../errors/errors.js'
import { NewerFormatError } from '../../store/state-format.js'
import { StoreFullError, StoreUnavailableError } from '../../store/store-errors.js'
import type { CutCause } from '../metrics/metrics.js'

const NOT_JSON = 'The body is not valid JSON: check quotes and commas, and use null in place of NaN and Infinity'

/** Our errors in place of Fastify's, whose codes may change with its version. */
const FASTIFY_ERRORS: ReadonlyMap<string, () => InputError> = new Map(Object.entries({
  FST_ERR_BAD_URL: () => new InvalidUrlError(),
  FST_ERR_MAX_PARAM_LENGTH: () => new PathTooLongError(),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => new MediaTypeError(),
  FST_ERR_CTP_INVALID_JSON_BODY: () => at('', new InvalidInputError(NOT_JSON)),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => at('', new InvalidInputError('The body is empty: send JSON')),
}))

/** The error that a client may see: our errors state what to do; of other server errors the reply has only the request id. */
export function toPublicError (error: InputError, requestId: string): InputError {
  if (error.validation?.[0] !== undefined) {
    const problem = problemOf(error.validation[0] as Parameters<typeof problemOf>[0])
    const where = `${error.validationContext === 'body' ? '' : `/${error.validationContext}`}${problem.path}`
    return invalid({ ...problem, path: where })
  }
  if (error instanceof StoreUnavailableError) return new StoreDownError()
  if (error instanceof StoreFullError) return new LogFullError()
  if (error instanceof NewerFormatError) return new StoreNewerError()
  const replacement = FASTIFY_ERRORS.get(error.code ?? '')
  if (replacement !== undefined) return replacement()
  if (isOurs(error.code)) return error
  const { statusCode = 500 } = error
  return statusCode < 500 ? Object.assign(new RefusedError(error.message), { statusCode }) : new InternalError(requestId)
}

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

/**
 * Replies 405 to methods that a documented path does not have, with the allowed methods in `allow` (RFC 9110, 15.5.6), before a body is
 * read. Call it before any route is added.
 */
export function methodNotAllowed (app: FastifyInstance): void {
  const known = new Map<string, { expression: RegExp, methods: Set<string> }>()
  app.addHook('onRoute', ({ url, method, schema }) => {
    if (schema?.hide === true) return
    const { methods } = known.get(url) ?? add(url)
    for (const each of [method].flat()) methods.add(each)
  })
  function add (url: string) {
    const path = { expression: expressionOf(url), methods: new Set<string>() }
    known.set(url, path)
    return path
  }
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done()
    const path = decoded(request.url.split(/[?#]/)[0]!)
    const methods = [...known.values()].find(({ expression }) => expression.test(path))?.methods
    if (methods === undefined) return done()
    const allow = [...methods].sort().join(', ')
    reply.header('allow', allow)
    done(new MethodNotAllowedError(request.method, allow))
  })
}

/** An expression for the decoded paths of a route such as `/v1/contexts/:key`. */
function expressionOf (pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]*')}$`)
}

/** The path as the router reads it. A path that cannot be decoded is left as it is. */
function decoded (path: string): string {
  try {
    return decodeURI(path)
  } catch { return path }
}
