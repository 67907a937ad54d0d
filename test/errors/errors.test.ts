import t from 'tap'
import { ERROR_CODES } from '../../src/errors/error-codes.js'
import * as errors from '../../src/errors/errors.js'

t.test('codes are stable, since clients match on them', async (t) => {
  t.strictSame(Object.fromEntries(ERROR_CODES.map(({ code, status }) => [code, status])), {
    BODY_TOO_LARGE: 413,
    CONFLICT: 409,
    CONTEXT_NOT_FOUND: 404,
    FORBIDDEN: 403,
    GENERATION_NOT_FOUND: 404,
    HEADERS_TOO_LARGE: 431,
    HOST_NOT_ALLOWED: 403,
    INTERNAL: 500,
    INVALID_CONTEXT_KEY: 400,
    INVALID_INPUT: 400,
    INVALID_LABEL: 400,
    INVALID_OUTCOME: 400,
    INVALID_PATTERN: 400,
    INVALID_POLICY: 400,
    INVALID_URL: 400,
    LOG_FULL: 503,
    MALFORMED_REQUEST: 400,
    METHOD_NOT_ALLOWED: 405,
    SNAPSHOT_TOO_OLD: 503,
    ORIGIN_NOT_ALLOWED: 403,
    OUTCOME_NOT_FOUND: 404,
    OVERLOADED: 503,
    PATH_TOO_LONG: 414,
    PREDICTOR_EXISTS: 409,
    PREDICTOR_NOT_FOUND: 404,
    REFUSED: 400,
    REQUEST_TIMEOUT: 408,
    ROUTE_NOT_FOUND: 404,
    RUN_BUSY: 503,
    RUN_NOT_FOUND: 404,
    STORE_NEWER: 503,
    STORE_UNAVAILABLE: 503,
    TOO_MANY: 409,
    TOO_MANY_IN_PREFIX: 409,
    TOO_MANY_OUTCOMES: 429,
    TOO_MANY_PATTERNS: 409,
    TOO_MANY_PREDICTORS: 409,
    TOO_MANY_REQUESTS: 429,
    TOO_MANY_STREAMS: 503,
    UNAUTHENTICATED: 401,
    UNCONFIRMED: 409,
    UNKNOWN_CONTEXT_LEVEL: 400,
    UNREADABLE_POLICY: 409,
    UNSUPPORTED_CONTENT_ENCODING: 415,
    UNSUPPORTED_MEDIA_TYPE: 415,
  })
  t.match(errors.at('/context/x', new errors.UnknownLevelError('x', 'model')), { details: [{ path: '/context/x', message: 'Context level "x" is unknown: use the levels model (CONTEXT_LEVELS)' }] })
  t.match(errors.invalid({ path: '', message: 'must be a list' }), { message: 'body must be a list', details: [{ path: '', message: 'must be a list' }] })
  t.match(errors.retryAfter(1001, new errors.TooManyRequestsError('w')), { code: 'TOO_MANY_REQUESTS', retryAfterSeconds: 2 })
  t.match(errors.retryAfter(Infinity, new errors.TooManyOutcomesError('w')), { retryAfterSeconds: 3600 })
})
