import { problemOf } from '../../openapi/validation.js'
import { isOurs } from '../errors/error-codes.js'
import {
  at, BodyTooLargeError, InternalError, invalid, InvalidInputError, InvalidUrlError, LogFullError, MediaTypeError,
  ModelTooOldError, OverloadedError, PathTooLongError, RefusedError, RunBusyError, StoreDownError, StoreNewerError, type InputError,
} from '../errors/errors.js'
import { NewerFormatError } from '../store/state-format.js'
import { StoreFullError, StoreUnavailableError } from '../store/store-errors.js'

/** Errors of the service that say what to do. */
const TOLD = [StoreDownError, StoreNewerError, OverloadedError, ModelTooOldError, RunBusyError]
const NOT_JSON = 'The body is not JSON: check quotes, commas and that every number is finite (NaN and Infinity are not JSON; use null)'

/** Fastify's codes are its own and may change with it: what we say instead. */
const OF_FASTIFY: Readonly<Record<string, () => InputError>> = {
  FST_ERR_BAD_URL: () => new InvalidUrlError(),
  FST_ERR_MAX_PARAM_LENGTH: () => new PathTooLongError(),
  FST_ERR_CTP_BODY_TOO_LARGE: () => new BodyTooLargeError(),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => new MediaTypeError(),
  FST_ERR_CTP_INVALID_JSON_BODY: () => at('', new InvalidInputError(NOT_JSON)),
  FST_ERR_CTP_EMPTY_JSON_BODY: () => at('', new InvalidInputError('The body is empty: send JSON')),
}

/** What the caller sees: input errors say what to change, others only the request id. */
export function toPublicError (error: InputError, requestId: string): InputError {
  if (error.validation?.[0] !== undefined) {
    const problem = problemOf(error.validation[0] as Parameters<typeof problemOf>[0])
    const where = `${error.validationContext === 'body' ? '' : `/${error.validationContext}`}${problem.path}`
    return invalid({ ...problem, path: where })
  }
  if (error instanceof StoreUnavailableError) return new StoreDownError()
  if (error instanceof StoreFullError) return new LogFullError()
  if (error instanceof NewerFormatError) return new StoreNewerError()
  if (Object.hasOwn(OF_FASTIFY, error.code ?? '')) return OF_FASTIFY[error.code]!()
  const { statusCode = 500 } = error
  if (statusCode < 500) return isOurs(error.code) ? error : Object.assign(new RefusedError(error.message), { statusCode })
  return TOLD.some((kind) => error instanceof kind) ? error : new InternalError(requestId)
}
