import t from 'tap'
import { bodilessResponseHeaders, headerValue, jsonRequestHeaders, requestHeaders, responseHeaders } from '../../../src/proxy/protocol/raw-headers.js'

t.test('headers of one connection, and those for stopgate, stay here', async (t) => {
  const headers = ['Host', 'a', 'Connection', 'x-mine, keep-alive', 'X-Mine', '1', 'X-Stopgate-Gold', '42', 'Authorization', 'b', 'Cookie', 'c', 'Cookie', 'd']
  t.same(requestHeaders(headers), ['Authorization', 'b', 'Cookie', 'c', 'Cookie', 'd'])
  t.same(jsonRequestHeaders(['Content-Length', '3', 'Accept-Encoding', 'gzip', 'A', 'b']), ['A', 'b', 'content-type', 'application/json'])
  t.same(responseHeaders(['Transfer-Encoding', 'chunked', 'Content-Length', '3']), ['Content-Length', '3'])
  t.same(bodilessResponseHeaders(['Content-Length', '3', 'Server', 'x']), ['Server', 'x'])
  t.equal(headerValue(headers, 'authorization'), 'b')
  t.equal(headerValue(headers, 'none'), undefined)
})
