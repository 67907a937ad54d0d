import { problemOf } from '../../openapi/validation.js'
import { isOurs } from '../errors/error-codes.js'
import {
  at, BodyTooLargeError, InternalError, invalid, InvalidInputError, InvalidUrlError, LogFullError, MediaTypeError, PathTooLongError,
  RefusedError, StoreDownError, StoreNewerError, type InputError,
} from '../errors/errors.js'
import { NewerFormatError } from '../store/state-format.js'
import { StoreFullError, StoreUnavailableError } from '../store/store-errors.js'

const NOT_JSON = 'The body is not valid JSON: check quotes and commas, and use null in place of NaN and Infinity'

/** Our errors in place of Fastify's, whose codes may change with its version. */
const FASTIFY_ERRORS: ReadonlyMap<string, () => InputError> = new Map(Object.entries({
  FST_ERR_BAD_URL: () => new InvalidUrlError(),
  FST_ERR_MAX_PARAM_LENGTH: () => new PathTooLongError(),
  FST_ERR_CTP_BODY_TOO_LARGE: () => new BodyTooLargeError(),
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
