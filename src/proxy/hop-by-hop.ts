/** Headers that concern one connection alone (RFC 9110, section 7.6.1), and Expect, which Node has answered. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding',
  'upgrade', 'expect',
])

/** Headers as they stand on the wire: names and values by turns. */
export type RawHeaders = readonly string[]

function withoutHopByHop (headers: RawHeaders, drop: (name: string) => boolean): string[] {
  const named = valueOf(headers, 'connection')?.toLowerCase().split(/\s*,\s*/) ?? []
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase()
    if (!HOP_BY_HOP.has(name) && !named.includes(name) && !drop(name)) kept.push(headers[i]!, headers[i + 1]!)
  }
  return kept
}

/** What goes upstream of a client's headers. What is for stopgate stays here, and Host is the upstream's. */
export function requestHeaders (headers: RawHeaders): string[] {
  return withoutHopByHop(headers, (name) => name === 'host' || name.startsWith('x-stopgate'))
}

/** The same for a request whose body is the proxy's own, and whose reply the proxy reads. */
export function ownRequestHeaders (headers: RawHeaders): string[] {
  const ofBody = ['content-length', 'content-type', 'content-encoding', 'accept-encoding', 'accept']
  return [
    ...requestHeaders(headers).flatMap((_, i, all) => i % 2 === 0 && !ofBody.includes(all[i]!.toLowerCase()) ? [all[i]!, all[i + 1]!] : []),
    'content-type', 'application/json',
  ]
}

/** What comes back to the client of the upstream's headers. */
export function responseHeaders (headers: RawHeaders): string[] {
  return withoutHopByHop(headers, () => false)
}

/** The same where the body is the proxy's own. */
export function ownResponseHeaders (headers: RawHeaders): string[] {
  return withoutHopByHop(headers, (name) => ['content-length', 'content-encoding', 'content-type'].includes(name))
}

export function valueOf (headers: RawHeaders, wanted: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) if (headers[i]!.toLowerCase() === wanted) return headers[i + 1]
  return undefined
}
