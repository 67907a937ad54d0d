import t from 'tap'
import { bodilessResponseHeaders, headerValue, jsonRequestHeaders, requestHeaders, responseHeaders, withOwnRequestId } from '../../../src/proxy/protocol/raw-headers.js'

t.test('headers of one connection, and those for stopgate, stay here', async (t) => {
  const headers = ['Host', 'a', 'Connection', 'x-mine, keep-alive', 'X-Mine', '1', 'X-Stopgate-Gold', '42', 'Authorization', 'b', 'Cookie', 'c', 'Cookie', 'd']
  t.same(requestHeaders(headers), ['Authorization', 'b', 'Cookie', 'c', 'Cookie', 'd'])
  t.same(jsonRequestHeaders(['Content-Length', '3', 'Accept-Encoding', 'gzip', 'A', 'b']), ['A', 'b', 'content-type', 'application/json'])
  t.same(responseHeaders(['Transfer-Encoding', 'chunked', 'Content-Length', '3']), ['Content-Length', '3'])
  t.same(bodilessResponseHeaders(['Content-Length', '3', 'Server', 'x']), ['Server', 'x'])
  t.equal(headerValue(headers, 'authorization'), 'b')
  t.equal(headerValue(headers, 'none'), undefined)
})

t.test('every Connection line is honoured', async (t) => {
  const headers = ['Connection', 'close', 'connection', 'X-Mine , x-other', 'X-Mine', '1', 'X-Other', '2', 'A', 'b']
  t.same(requestHeaders(headers), ['A', 'b'])
})

t.test('a further request of a generation has a request id of its own, which begins with the client\'s', async (t) => {
  const [, first, , second] = [...withOwnRequestId(['X-Request-Id', 'r1']), ...withOwnRequestId(['X-Request-Id', 'r1'])]
  t.match(first, /^r1-[0-9a-f-]{36}$/)
  t.not(first, second)
  t.same(withOwnRequestId(['A', 'b']), ['A', 'b'])
})
