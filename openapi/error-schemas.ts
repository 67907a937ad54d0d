import { Type } from 'typebox'
import { ERROR_CODES } from '../src/errors/error-codes.js'

const told = ERROR_CODES.map(({ code, status, message }) => `- \`${code}\` (${status})${message === '…' ? '' : `: ${message}`}`)

export const ErrorSchema = Type.Object({
  statusCode: Type.Integer({ description: 'HTTP status' }),
  code: Type.Unsafe<string>({
    type: 'string',
    enum: ERROR_CODES.map(({ code }) => code),
    description: `Stable code. Later versions may add some: go by the status then.\n\n${told.join('\n')}`,
  }),
  error: Type.String({ description: 'Name of the status' }),
  message: Type.String({ description: 'What to change; for 5xx only the request id' }),
  details: Type.Optional(Type.Array(Type.Object({
    path: Type.String({ description: 'Where in the input (JSON pointer)' }),
    message: Type.String({ description: 'What to change' }),
  }), { description: 'For input: what is wrong, by place' })),
}, { title: 'Error', description: 'What went wrong' })

export const clientError = { '4xx': ErrorSchema }
export const anyError = { '4xx': ErrorSchema, '5xx': ErrorSchema }
