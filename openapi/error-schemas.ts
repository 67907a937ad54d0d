import { Type } from '#typebox'
import { ERROR_CODES } from '../src/errors/error-codes.js'

const told = ERROR_CODES.map(({ code, status, message }) => `- \`${code}\` (${status})${message === '…' ? '' : `: ${message}`}`)

export const ErrorSchema = Type.Object({
  statusCode: Type.Integer({ description: 'HTTP status' }),
  code: Type.Unsafe<string>({
    type: 'string',
    enum: ERROR_CODES.map(({ code }) => code),
    description: `Stable code. Later versions may add codes; treat a code that you do not know by its status.\n\n${told.join('\n')}`,
  }),
  error: Type.String({ description: 'Name of the HTTP status' }),
  message: Type.String({ description: 'What is wrong and what to change; for an internal error only the request id' }),
  details: Type.Optional(Type.Array(Type.Object({
    path: Type.String({ description: 'JSON pointer into the input' }),
    message: Type.String({ description: 'What to change' }),
  }), { description: 'For invalid input: the place and the problem' })),
}, { title: 'Error', description: 'Error reply' })

export const anyError = { '4xx': ErrorSchema, '5xx': ErrorSchema }
