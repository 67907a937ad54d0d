/** Where Redis is. */
export interface RedisAddress {
  /** Of the first host, with the user, the password and the database, as ioredis reads it. */
  readonly url: string
  /** Servers to try in turn, or Sentinels to ask in turn. */
  readonly hosts: readonly RedisHost[]
  /** Whether all of them speak TLS, Sentinels too. */
  readonly isTls: boolean
  /** Whether the server is one of a Cluster's, and may be another one tomorrow. */
  readonly isCluster: boolean
  /** The master's name, and how to log in to the Sentinels; `null`: there are none. */
  readonly sentinel: { readonly name: string, readonly username: string | null, readonly password: string | null } | null
}

export interface RedisHost { readonly host: string, readonly port: number }

const URL_FORM = /^redis(s?)(?:\+(cluster|sentinel))?:\/\/(?:([^@]*)@)?([^/?@]+)(?:\/([^?]*))?(?:\?(.*))?$/
const HOST_FORM = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/

/**
 * Reads REDIS_URL: one server `redis://user:password@host:6379/0`, nodes of a Cluster `redis+cluster://host:6379,host:6379`, or the
 * Sentinels of a master `redis+sentinel://host:26379,host:26379/name/0`; `rediss` in place of `redis` for TLS.
 * @throws Error that says what is wrong, without the URL, which may hold a password
 */
export function redisAddress (text: string): RedisAddress {
  const [, tls = '', kind, login, places, path = '', query] = URL_FORM.exec(text) ?? []
  if (places === undefined) throw new Error('is not of the form redis://user:password@host:port/database (percent-encode / ? # @ in user and password)')
  // The client would take what comes before these for the host, and name it when it can't be found.
  if (/[/?#\\]/.test(login ?? '')) throw new Error('has / ? # or \\ before the @: percent-encode them in user and password, %2F %3F %23 %5C')
  const hosts = places.split(',').map((place) => readHost(place, kind === 'sentinel' ? 26379 : 6379))
  if (kind === undefined && hosts.length > 1) throw new Error('names several hosts: redis+cluster:// and redis+sentinel:// do')
  const [name = '', database = ''] = kind === 'sentinel' ? path.split('/') : ['', path]
  if (kind === 'sentinel' && name === '') throw new Error('does not name the master: redis+sentinel://host:26379,host:26379/name')
  if (kind === 'cluster' && Number(database) !== 0) throw new Error('names a database: a Cluster has only one')
  if (!/^\d*$/.test(database)) throw new Error('names a database that is no number')
  const { host, port } = hosts[0]!
  const asked = new URLSearchParams(query)
  const rest = kind === undefined && query !== undefined ? `?${query}` : ''
  return {
    url: `redis${tls}://${login === undefined ? '' : `${login}@`}${host.includes(':') ? `[${host}]` : host}:${port}/${database}${rest}`,
    hosts,
    isTls: tls === 's',
    isCluster: kind === 'cluster',
    sentinel: kind === 'sentinel'
      ? { name: decodeURIComponent(name), username: asked.get('sentinel_username'), password: asked.get('sentinel_password') }
      : null,
  }
}

function readHost (place: string, defaultPort: number): RedisHost {
  const [, host, port = String(defaultPort)] = HOST_FORM.exec(place) ?? []
  if (host === undefined || Number(port) > 65535) throw new Error('has a host that is not host:port')
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}
