import { randomUUID } from 'node:crypto'

/** Headers as they stand on the wire: names and values by turns. */
export type RawHeaders = readonly string[]

/** Headers that concern one connection alone (RFC 9110, section 7.6.1), and Expect, which Node has answered. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding',
  'upgrade', 'expect',
])

const OF_REQUEST_BODIES: ReadonlySet<string> = new Set(['content-length', 'content-type', 'content-encoding', 'accept-encoding', 'accept'])
const OF_REPLY_BODIES: ReadonlySet<string> = new Set(['content-length', 'content-encoding', 'content-type'])

/** The headers of a client that go upstream. Those for stopgate stay here, and Host is the upstream's own. */
export function requestHeaders (headers: RawHeaders): string[] {
  return withoutHopByHop(headers, isForProxy)
}

/** The same for a request whose JSON body is the proxy's own, and whose reply the proxy reads. */
export function jsonRequestHeaders (headers: RawHeaders): string[] {
  return [...withoutHopByHop(headers, (name) => isForProxy(name) || OF_REQUEST_BODIES.has(name)), 'content-type', 'application/json']
}

/**
 * The headers of a further request for the same generation: vLLM refuses a request id that another request in flight has. The id begins
 * with the client's, so that logs can be joined.
 */
export function withOwnRequestId (headers: RawHeaders): string[] {
  return pairsOf(headers).flatMap(([name, value]) => [name, name.toLowerCase() === 'x-request-id' ? `${value}-${randomUUID()}` : value])
}

/** The headers of the upstream that go back to the client. */
export function responseHeaders (headers: RawHeaders): string[] {
  return withoutHopByHop(headers, () => false)
}

/** The same where the body is the proxy's own: without the headers that describe a body. */
export function bodilessResponseHeaders (headers: RawHeaders): string[] {
  return withoutHopByHop(headers, (name) => OF_REPLY_BODIES.has(name))
}

/** @param wanted in lower case */
export function headerValue (headers: RawHeaders, wanted: string): string | undefined {
  return pairsOf(headers).find(([name]) => name.toLowerCase() === wanted)?.[1]
}

function isForProxy (name: string): boolean {
  return name === 'host' || name.startsWith('x-stopgate')
}

function withoutHopByHop (headers: RawHeaders, drop: (name: string) => boolean): string[] {
  const pairs = pairsOf(headers)
  const named = new Set(pairs.filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.toLowerCase().split(',').map((name) => name.trim())))
  return pairs.filter(([header]) => {
    const name = header.toLowerCase()
    return !HOP_BY_HOP.has(name) && !named.has(name) && !drop(name)
  }).flat()
}

function pairsOf (headers: RawHeaders): Array<readonly [name: string, value: string]> {
  return headers.flatMap((name, i) => i % 2 === 0 ? [[name, headers[i + 1] ?? ''] as const] : [])
}
