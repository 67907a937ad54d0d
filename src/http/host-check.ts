import { BlockList, isIP, isIPv6 } from 'node:net'

const LOOPBACK = new BlockList()
LOOPBACK.addSubnet('127.0.0.0', 8)
LOOPBACK.addAddress('::1', 'ipv6')

/**
 * Whether a host can be reached only from this machine.
 * Names other than localhost are not resolved, since they may resolve to another address later.
 */
export function isLoopback (host: string): boolean {
  return host.toLowerCase() === 'localhost' || (isIP(host) !== 0 && LOOPBACK.check(host, isIPv6(host) ? 'ipv6' : 'ipv4'))
}

export interface HostCheck {
  /** Whether a request with this Host header may be answered. A request without one does not come from a browser. */
  readonly isHostAllowed: (host: string | undefined) => boolean
  /** Whether a page of this origin may change something. Requests that do not come from pages have no origin. */
  readonly isOriginAllowed: (origin: string | undefined, host: string | undefined) => boolean
}

/**
 * Keeps the pages of other sites away from a service that asks for no token. By DNS rebinding, a page can give its own name the address
 * of this machine; its requests are then of its own origin, but name its host.
 * @param allowed further hosts, without ports; `null`: any host is allowed
 */
export function createHostCheck (allowed: readonly string[] | null): HostCheck {
  const names = new Set(allowed?.map((name) => name.toLowerCase()))
  const isKnown = (name: string): boolean => isLoopback(name) || names.has(name)
  let last: string | undefined // most requests name the same host
  function isHostAllowed (host: string | undefined): boolean {
    if (allowed === null || host === undefined || host === last) return true
    const isAllowed = isKnown(nameOf(host))
    if (isAllowed) last = host
    return isAllowed
  }
  return {
    isHostAllowed,
    isOriginAllowed (origin, host) {
      if (origin === undefined) return true
      const from = URL.canParse(origin) ? new URL(origin).host : null // "null" stands for an origin that is kept secret
      return from !== null && (from === host?.toLowerCase() || names.has(nameOf(from)))
    },
  }
}

/** The name in a Host header, without the port, and without the brackets of an IPv6 address. */
function nameOf (host: string): string {
  return host.toLowerCase().replace(/:\d*$/, '').replace(/^\[|\]$/g, '').replace(/\.$/, '')
}
