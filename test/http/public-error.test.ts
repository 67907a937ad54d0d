import createError from '@fastify/error'
import t from 'tap'
import { ERROR_CODES } from '../../src/errors/error-codes.js'
import { toPublicError } from '../../src/http/public-error.js'
import { build } from '../helper.js'
import { StoreFullError } from '../../src/store/store-errors.js'

t.test('foreign errors get our codes and keep their status', async (t) => {
  const made = (code: string, status: number) => new (createError(code, 'what is wrong', status))()
  t.match(toPublicError(made('FST_NEW', 416), 'r'), { code: 'REFUSED', statusCode: 416, message: 'what is wrong' })
  t.match(toPublicError(Object.assign(new Error('no code'), { statusCode: 412 }) as never, 'r'), { code: 'REFUSED', statusCode: 412 })
  t.match(toPublicError(made('FST_ERR_CTP_BODY_TOO_LARGE', 413), 'r'), { code: 'BODY_TOO_LARGE', statusCode: 413 })
  t.match(toPublicError(made('FST_NEW', 500), 'r'), { code: 'INTERNAL', message: /^Internal error.* request id r / })
  t.match(toPublicError(new StoreFullError() as never, 'r'), { code: 'LOG_FULL' })
})

t.test('every error of ours reaches the client as it is', async (t) => {
  for (const { code, status } of ERROR_CODES) {
    const error = new (createError(code, 'what to do', status))()
    t.equal(toPublicError(error, 'r'), error, code)
  }
})

t.test('refusals of Fastify and its plugins have our format', async (t) => {
  const { app } = await build(t)
  const get = async (url: string, headers = {}) => (await app.inject({ url, headers })).json()
  t.match(await get(`/v1/contexts/${'x'.repeat(4097)}`), { statusCode: 414, code: 'PATH_TOO_LONG', error: 'URI Too Long' })
  t.match(await get('/docs/static/%00'), { statusCode: 403, code: 'REFUSED' })
  t.match(await get('/docs/static/swagger-ui.css', { range: 'bytes=99999999-' }), { statusCode: 416, code: 'REFUSED' })
})
