import { Type } from 'typebox'

export const ErrorSchema = Type.Object({
  statusCode: Type.Integer({ description: 'HTTP status' }),
  code: Type.String({ description: 'Stable code' }),
  error: Type.String({ description: 'Name of the status' }),
  message: Type.String({ description: 'What to change; for 5xx only the request id' }),
  details: Type.Optional(Type.Array(Type.Object({
    path: Type.String({ description: 'Where in the input (JSON pointer)' }),
    message: Type.String({ description: 'What to change' }),
  }), { description: 'For input: what is wrong, by place' })),
}, { title: 'Error', description: 'What went wrong' })

export const clientError = { '4xx': ErrorSchema }
export const anyError = { '4xx': ErrorSchema, '5xx': ErrorSchema }
