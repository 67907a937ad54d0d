import { STATUS_CODES } from 'node:http'
import createError from '@fastify/error'
import type { FastifyError } from 'fastify'
import type { Problem } from './problem.js'

/** Every error a caller can get, one line each: stable code, message, status. */
export const UnknownLevelError = createError<[string, string]>('UNKNOWN_CONTEXT_LEVEL', 'Unknown context level "%s": the levels are %s (CONTEXT_LEVELS)', 400)
export const InvalidOutcomeError = createError<[string]>('INVALID_OUTCOME', '%s', 400)
export const InvalidLabelError = createError<[string]>('INVALID_LABEL', '%s', 400)
export const OutcomeNotFoundError = createError<[string]>('OUTCOME_NOT_FOUND', 'No outcome %s is known (DEDUP_SECONDS): send the outcome first, then its label', 404)
export const LabelTooLateError = createError<[string, string]>('LABEL_TOO_LATE', 'Outcome %s waited for its label for %s seconds (LABEL_WAIT_SECONDS) and counts as unlabelled: this label is not used', 409)
export const InvalidPolicyError = createError<[string]>('INVALID_POLICY', '%s', 400)
export const InvalidKeyError = createError<[string, string]>('INVALID_CONTEXT_KEY', '%s is not a context key: write "*", or name the levels in order from the first one (%s, or less at its end; - for a value that is missing), values percent-encoded where they hold %% , = * or controls', 400)
export const ContextNotFoundError = createError<[string]>('CONTEXT_NOT_FOUND', 'No outcome has named the context %s yet: list the known ones with GET /v1/contexts', 404)
export const FutureVersionError = createError<[string, string]>('UNKNOWN_VERSION', 'There is no version %s yet: the model is at version %s', 400)
export const VersionOutOfReachError = createError<[string]>('VERSION_OUT_OF_REACH', 'History and audit trail can be read back to version %s: roll back to that one or a later one, or pin contexts one by one', 409)
export const TooManyError = createError<[string]>('TOO_MANY', 'There are %s already (MAX_CONTEXTS): remove one first', 409)
export const StoreDownError = createError('STORE_UNAVAILABLE', 'The store can\'t be reached, nothing was kept: send it again', 503)
export const StoreNewerError = createError('STORE_NEWER', 'A newer version of stopgate has written to the store, and this one would lose what it does not know of, nothing was kept: send it to a replica of the newer version', 503)
export const LogFullError = createError('LOG_FULL', 'The learner is behind, nothing was kept: send it again later. MAX_LOG_ENTRIES outcomes wait to be folded; look at stopgate_outcome_log_lag, sum(stopgate_learner_leader) and the warnings of /readyz', 503)
export const OverloadedError = createError('OVERLOADED', 'More comes in than can be answered in time, nothing was kept: send it again later', 503)
export const ConcurrentChangeError = createError<[string]>('CONFLICT', 'Other policies or pins moved each of the %s times this was tried: look at them, then send it again', 409)
export const RunNotFoundError = createError<[string]>('RUN_NOT_FOUND', 'No checkpoint of a run %s is kept: list the known ones with GET /v1/training-runs', 404)
export const RunBusyError = createError<[string]>('RUN_BUSY', 'Others reported on this run each of the %s times this was tried, nothing was kept: send it again', 503)
export const MethodNotAllowedError = createError<[string, string]>('METHOD_NOT_ALLOWED', 'There is no %s here: the methods are %s', 405)
export const UnauthenticatedError = createError('UNAUTHENTICATED', 'This needs a token that the service knows (ACCESS_TOKENS, ACCESS_TOKENS_FILE): send it as authorization: Bearer TOKEN', 401)
export const ForbiddenError = createError<[string]>('FORBIDDEN', '%s', 403)
export const TooManyRequestsError = createError<[string]>('TOO_MANY_REQUESTS', 'Token %s has made as many requests as it may (requests_per_second): wait, or ask for many steps in one call', 429)
export const TooManyOutcomesError = createError<[string]>('TOO_MANY_OUTCOMES', 'Token %s has reported as many outcomes and labels as it may (outcomes_per_hour), nothing was kept: send them again later, and no more than that at once', 429)
export const ModelTooOldError = createError('MODEL_TOO_OLD', 'The model has not been in step with the store for MAX_STALENESS_SECONDS: continue, and ask again', 503)
export const PredictorNotFoundError = createError<[string]>('PREDICTOR_NOT_FOUND', 'There is no predictor %s: list the known ones with GET /v1/model/predictors', 404)
export const PredictorExistsError = createError<[string]>('PREDICTOR_EXISTS', 'There is another predictor of the name %s, whose scores must not change: take another name', 409)
export const TooManyPredictorsError = createError<[string]>('TOO_MANY_PREDICTORS', 'There are %s predictors already, none of them retired: retire one first', 409)
export const InvalidInputError = createError<[string]>('INVALID_INPUT', '%s', 400)
export const EncodedBodyError = createError<[string]>('UNSUPPORTED_CONTENT_ENCODING', 'content-encoding %s is not read here: send the body uncompressed', 415)
export const MalformedRequestError = createError<[string]>('MALFORMED_REQUEST', 'This can not be read as HTTP/1.1 (%s), and the connection ends: look at what is between the client and here', 400)
export const HeadersTooLargeError = createError('HEADERS_TOO_LARGE', 'The request line and headers are larger than 16 KiB, and the connection ends: send less in them', 431)
export const RequestTimeoutError = createError<[string]>('REQUEST_TIMEOUT', 'The request had not come in whole after %s s, and the connection ends: send it again', 408)
export const InvalidUrlError = createError('INVALID_URL', 'The path is not a valid URL: percent-encode what it holds, a % itself as %25', 400)
export const BodyTooLargeError = createError('BODY_TOO_LARGE', 'The body is larger than 4 MiB: send it in several requests', 413)
export const PathTooLongError = createError('PATH_TOO_LONG', 'A key or name in the path is longer than 4,096 characters: look at what was put there', 414)
export const MediaTypeError = createError('UNSUPPORTED_MEDIA_TYPE', 'Send JSON, with content-type: application/json', 415)
export const RouteNotFoundError = createError<[string, string]>('ROUTE_NOT_FOUND', 'No route %s %s: the routes are at /docs, and a / in a key or name is %%2F', 404)
export const RefusedError = createError<[string]>('REFUSED', '%s', 400)
export const InternalError = createError<[string]>('INTERNAL', 'Internal error; request id %s', 500)

/** An error that names where in the input it lies, or when to try again. */
export type InputError = FastifyError & { details?: Problem[], retryAfterSeconds?: number }

/** The body of its answer. */
export function errorBody ({ statusCode = 500, code, message, details }: InputError): object {
  return { statusCode, code, error: STATUS_CODES[statusCode] ?? 'Error', message, ...(details && { details }) }
}

/** The error with the place in the input it speaks of. */
export function at<E extends FastifyError> (path: string, error: E): E & { details: Problem[] } {
  return Object.assign(error, { details: [{ path, message: error.message }] })
}

/** The error for input with a problem: the message names the place, the details have it apart. */
export function invalid (problem: Problem): FastifyError & { details: Problem[] } {
  return Object.assign(new InvalidInputError(`${problem.path || 'body'} ${problem.message}`), { details: [problem] })
}

/** The error with the time after which the same may succeed. */
export function retryAfter<E extends FastifyError> (ms: number, error: E): E & { retryAfterSeconds: number } {
  return Object.assign(error, { retryAfterSeconds: Math.min(3600, Math.ceil(ms / 1000)) })
}
