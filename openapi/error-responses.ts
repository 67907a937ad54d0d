import {
  errorBody, ForbiddenError, InternalError, invalid, StoreDownError, TooManyRequestsError, UnauthenticatedError, type InputError,
} from '../src/errors/errors.js'
import { ErrorSchema } from './error-schemas.js'

const header = (description: string, schema: object, required = true) => ({ description, required, schema })

const RETRY_AFTER = { 'Retry-After': header('Time to wait before the next try (seconds)', { type: 'integer', minimum: 1, examples: [1] }) }

const reply = (description: string, error: InputError, headers?: object) => ({
  description, ...(headers && { headers }), content: { 'application/json': { schema: ErrorSchema, example: errorBody(error) } },
})

/** Error replies that operations share, by the name of their component. */
export const ERROR_RESPONSES = {
  Unauthenticated: reply('The request has no valid token, and the service has tokens', new UnauthenticatedError(), {
    'WWW-Authenticate': header('How to authenticate', { type: 'string', examples: ['Bearer'] }),
  }),
  Forbidden: reply('The token may not make this call', new ForbiddenError(
    'This route requires the role operator, and token ci has the role worker: use a token made with stopgate token NAME operator')),
  TooManyRequests: reply('The token has used up its requests, outcomes or labels', new TooManyRequestsError('ci'), RETRY_AFTER),
  Refused: reply('The request is refused; `code` and `message` tell what to change', invalid({
    path: '/tokens', message: 'must be >= 0; Tokens generated so far (a whole number from 0)',
  })),
  Unavailable: reply('The service cannot answer now, and nothing was stored: send the request again', new StoreDownError(), RETRY_AFTER),
  OtherError: reply('Any other error; treat a `code` that you do not know by its status', new InternalError('req-8f2c'), {
    Allow: header('With 405: the methods that the path has', { type: 'string', examples: ['GET, HEAD'] }, false),
  }),
}

type Name = keyof typeof ERROR_RESPONSES

/** No ranges such as 4XX, since orval writes code that does not compile for them. */
const OF_ALL: Readonly<Record<string, Name>> = { 400: 'Refused', default: 'OtherError' }
const OF_GUARDED: Readonly<Record<string, Name>> = {
  401: 'Unauthenticated', 403: 'Forbidden', 429: 'TooManyRequests', 503: 'Unavailable', ...OF_ALL,
}

/** References to the error replies of an operation. @param isOpen whether it needs no token */
export function errorResponsesOf (isOpen: boolean): Record<string, { $ref: string }> {
  const names = Object.entries(isOpen ? OF_ALL : OF_GUARDED)
  return Object.fromEntries(names.map(([status, name]) => [status, { $ref: `#/components/responses/${name}` }]))
}
