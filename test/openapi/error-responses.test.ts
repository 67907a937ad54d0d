import t from 'tap'
import { ERROR_RESPONSES, errorResponsesOf } from '../../openapi/error-responses.js'
import { ERROR_CODES } from '../../src/errors/error-codes.js'
import { build } from '../helper.js'
import { bearer, tokenList } from '../token-fixtures.js'

t.test('every declared status is one of an error', async (t) => {
  const declared = Object.keys(errorResponsesOf(false))
  t.same(declared, ['400', '401', '403', '429', '503', 'default'])
  const statuses = new Set(ERROR_CODES.map(({ status }) => String(status)))
  t.same(declared.slice(0, -1).filter((status) => !statuses.has(status)), [])
  t.same(Object.keys(errorResponsesOf(true)), ['400', 'default'], 'whoever needs no token gets no error about it')
})

t.test('the headers that error replies declare are sent', async (t) => {
  const { send } = await build(t, { ACCESS_TOKENS: tokenList({ ci: 'metrics' }, { ci: { requests_per_second: 1 } }) })
  const call = async (method: 'GET' | 'DELETE', url: string, headers = {}) => await send(method, url, undefined, headers)
  const replies = {
    Unauthenticated: await call('GET', '/metrics'),
    Forbidden: await call('GET', '/v1/model', bearer('ci')),
    TooManyRequests: await call('GET', '/metrics', bearer('ci')),
    OtherError: await call('DELETE', '/metrics'),
  }
  t.same(Object.values(replies).map(({ status }) => status), [401, 403, 429, 405])
  for (const [name, { headers, body }] of Object.entries(replies)) {
    const declared: { headers?: object } = ERROR_RESPONSES[name as keyof typeof replies]
    for (const header of Object.keys(declared.headers ?? {})) t.ok(headers[header.toLowerCase()], `${name}: ${header}`)
    t.type(body.code, 'string', `${name}: the body is an error`)
  }
})
