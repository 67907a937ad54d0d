import { STATUS_CODES } from 'node:http'
import createError from '@fastify/error'
import type { FastifyError } from 'fastify'

/** A problem of an input: its place as a JSON pointer, and what to change. */
export interface Problem { readonly path: string, readonly message: string }

/** Every error that a client can get, one line each: stable code, message, status. */
export const UnknownLevelError = createError<[string, string]>('UNKNOWN_CONTEXT_LEVEL', 'Context level "%s" is unknown: use the levels %s (CONTEXT_LEVELS)', 400)
export const InvalidOutcomeError = createError<[string]>('INVALID_OUTCOME', '%s', 400)
export const InvalidLabelError = createError<[string]>('INVALID_LABEL', '%s', 400)
export const OutcomeNotFoundError = createError<[string]>('OUTCOME_NOT_FOUND', 'Outcome %s is unknown, or older than DEDUP_SECONDS: send the outcome before its label', 404)
export const GenerationNotFoundError = createError<[string]>('GENERATION_NOT_FOUND', 'Generation %s is not in the decision log, which holds control generations and a share of treated ones (DECISION_LOG_TREATED_SHARE) for DECISION_LOG_SECONDS: check the id, and the prefix if a token with a prefix reported it', 404)
export const InvalidPolicyError = createError<[string]>('INVALID_POLICY', '%s', 400)
export const UnreadablePolicyError = createError<[string]>('UNREADABLE_POLICY', 'The stored policy of %s cannot be read, so nothing is stopped there: replace it with PUT, or remove it with DELETE', 409)
export const UnconfirmedError = createError<[string]>('UNCONFIRMED', 'This call changes %s contexts. Send it with dry_run=true to see them, then again with the confirm of that reply. The confirm is valid for the same call, while the same contexts would change', 409)
export const InvalidKeyError = createError<[string, string]>('INVALID_CONTEXT_KEY', '%s is not a context key: use "*", or name the levels in order, starting with the first (%s; levels at the end may be left out, and - stands for a missing value). Percent-encode %% , = * and control characters in values', 400)
export const InvalidPatternError = createError<[string, string]>('INVALID_PATTERN', '%s %s', 400)
export const ContextNotFoundError = createError<[string, string]>('CONTEXT_NOT_FOUND', 'Context %s is unknown: no outcome has named it yet, or there was no room for it (MAX_CONTEXTS, of which the tokens of a prefix have a quarter). Check the key (%s)', 404)
export const TooManyError = createError<[string]>('TOO_MANY', 'There are %s policies or pins, the limit (MAX_CONTEXTS): remove one first', 409)
export const TooManyPatternsError = createError<[string]>('TOO_MANY_PATTERNS', 'The policies with * in their keys would distinguish more than %s combinations of values: remove one first, or name the contexts', 409)
export const TooManyInPrefixError = createError<[string, string]>('TOO_MANY_IN_PREFIX', 'There are %s policies or pins within %s, as many as a token that is bound to it may have there: remove one first', 409)
export const StoreDownError = createError('STORE_UNAVAILABLE', 'The store cannot be reached, and nothing was stored: send the request again. Operators: PUT /v1/pause works without it, and a pause stays until the store is back', 503)
export const StoreNewerError = createError('STORE_NEWER', 'A newer version of stopgate has written to the store, so this version must not, and nothing was stored: send the request to a replica of the newer version', 503)
export const LogFullError = createError('LOG_FULL', 'The learner is behind: a million outcomes, labels and enrolment lists wait for it. Nothing was stored: send the request again later. Operators: check stopgate_outcome_log_lag, sum(stopgate_learner_leader) and the warnings of /readyz', 503)
export const OverloadedError = createError('OVERLOADED', 'The service is overloaded, and nothing was stored: send the request again later', 503)
export const TooManyStreamsError = createError<[string]>('TOO_MANY_STREAMS', 'This replica serves %s event streams, its limit: close one, or read GET /v1/fleet from time to time', 503)
export const ConcurrentChangeError = createError<[string]>('CONFLICT', 'Policies or pins were changed by others during each of %s attempts: check them, then send the request again', 409)
export const RunNotFoundError = createError<[string]>('RUN_NOT_FOUND', 'Run %s is unknown: list the known runs with GET /v1/training-runs', 404)
export const RunBusyError = createError<[string]>('RUN_BUSY', 'Others wrote to this run during each of %s attempts, and nothing was stored: send the request again', 503)
export const MethodNotAllowedError = createError<[string, string]>('METHOD_NOT_ALLOWED', 'Method %s is not allowed for this path: use %s', 405)
export const UnauthenticatedError = createError('UNAUTHENTICATED', 'The request has no valid token: send one with an entry in ACCESS_TOKENS or ACCESS_TOKENS_FILE, as authorization: Bearer TOKEN', 401)
export const ForbiddenError = createError<[string]>('FORBIDDEN', '%s', 403)
export const TooManyRequestsError = createError<[string]>('TOO_MANY_REQUESTS', 'Token %s has used up its requests (requests_per_second): wait, or send many steps in one request', 429)
export const TooManyOutcomesError = createError<[string]>('TOO_MANY_OUTCOMES', 'Token %s has used up its outcomes and labels (outcomes_per_hour), and nothing was stored: send them again later, with no more than the limit in one request', 429)
export const SnapshotTooOldError = createError('SNAPSHOT_TOO_OLD', 'The snapshot has not been in step with the store for MAX_STALENESS_SECONDS: continue the generations, and ask again later', 503)
export const PredictorNotFoundError = createError<[string]>('PREDICTOR_NOT_FOUND', 'Predictor %s is unknown: list the predictors with GET /v1/predictors', 404)
export const PredictorExistsError = createError<[string]>('PREDICTOR_EXISTS', 'Another predictor has the name %s, and its scores must not change: choose another name', 409)
export const TooManyPredictorsError = createError<[string]>('TOO_MANY_PREDICTORS', 'The limit of %s predictors is reached, and none of them is retired: retire one first', 409)
export const InvalidInputError = createError<[string]>('INVALID_INPUT', '%s', 400)
export const EncodedBodyError = createError<[string]>('UNSUPPORTED_CONTENT_ENCODING', 'The content-encoding %s is not supported: send the body uncompressed', 415)
export const MalformedRequestError = createError<[string]>('MALFORMED_REQUEST', 'The request is not valid HTTP/1.1 (%s), and the connection is closed: check the client, and proxies between it and the service', 400)
export const HeadersTooLargeError = createError('HEADERS_TOO_LARGE', 'The request line and headers are larger than 16 KiB, and the connection is closed: shorten them', 431)
export const RequestTimeoutError = createError<[string]>('REQUEST_TIMEOUT', 'The request was not complete after %s s, and the connection is closed: send it again', 408)
export const InvalidUrlError = createError('INVALID_URL', 'The path is not a valid URL: percent-encode its parts, including % as %25', 400)
export const HostNotAllowedError = createError<[string]>('HOST_NOT_ALLOWED', 'Without tokens the service answers only to the names of this machine, and not to the host %s: use localhost, name the host in ALLOWED_HOSTS, or set ACCESS_TOKENS', 403)
export const OriginNotAllowedError = createError<[string]>('ORIGIN_NOT_ALLOWED', 'A page of %s may not change anything here: name its host in ALLOWED_HOSTS', 403)
export const BodyTooLargeError = createError<[string]>('BODY_TOO_LARGE', 'The body is larger than the %s that this route takes: split it into several requests', 413)
export const PathTooLongError = createError('PATH_TOO_LONG', 'A key or name in the path is longer than 4,096 characters: check the path', 414)
export const MediaTypeError = createError('UNSUPPORTED_MEDIA_TYPE', 'The body is not declared as JSON: send JSON with content-type: application/json', 415)
export const RouteNotFoundError = createError<[string, string]>('ROUTE_NOT_FOUND', 'There is no route %s %s: see /docs for the routes; the parts of a key are separated by commas, and a / in a key or name is written %%2F', 404)
export const RefusedError = createError<[string]>('REFUSED', '%s', 400)
export const InternalError = createError<[string]>('INTERNAL', 'Internal error. Ask the operator to look for request id %s in the log', 500)

/** An error that may state its place in the input, and when to try again. */
export type InputError = FastifyError & { details?: Problem[], retryAfterSeconds?: number }

/** The body of an error reply. */
export function errorBody ({ statusCode = 500, code, message, details }: InputError): object {
  return { statusCode, code, error: STATUS_CODES[statusCode] ?? 'Error', message, ...(details && { details }) }
}

/** Adds the place in the input to an error. @param path JSON pointer */
export function at<E extends FastifyError> (path: string, error: E): E & { details: Problem[] } {
  return Object.assign(error, { details: [{ path, message: error.message }] })
}

/** The error for invalid input. The message names the place, and the details state it separately. */
export function invalid (problem: Problem): FastifyError & { details: Problem[] } {
  return Object.assign(new InvalidInputError(`${problem.path || 'body'} ${problem.message}`), { details: [problem] })
}

/** Adds the time after which the request may succeed to an error. */
export function retryAfter<E extends FastifyError> (ms: number, error: E): E & { retryAfterSeconds: number } {
  return Object.assign(error, { retryAfterSeconds: Math.min(3600, Math.ceil(ms / 1000)) })
}
