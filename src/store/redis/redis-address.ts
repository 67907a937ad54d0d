import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'

/** Where Redis is and how to connect. */
export interface RedisAddress {
  /** URL of the first host for ioredis, with user, password and database. */
  readonly url: string
  /** Servers or Sentinels to try in turn. */
  readonly hosts: readonly RedisHost[]
  /** Whether all of them, Sentinels included, use TLS. */
  readonly isTls: boolean
  /** Whether the hosts are nodes of a Cluster, where our keys can move. */
  readonly isCluster: boolean
  /** Name of the master and login for the Sentinels; `null` without Sentinels. */
  readonly sentinel: { readonly name: string, readonly username: string | null, readonly password: string | null } | null
}

export interface RedisHost { readonly host: string, readonly port: number }

const URL_FORM = /^redis(s?)(?:\+(cluster|sentinel))?:\/\/(?:([^@]*)@)?([^/?@]+)(?:\/([^?]*))?(?:\?(.*))?$/

const HOST_FORM = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/

/**
 * Reads REDIS_URL: one server `redis://user:password@host:6379/0`, nodes of a Cluster `redis+cluster://host:6379,host:6379`, or the
 * Sentinels of a master `redis+sentinel://host:26379,host:26379/name/0`; `rediss` in place of `redis` for TLS.
 * @throws Error that names the fault without showing the URL, which may contain a password
 */
export function redisAddress (text: string): RedisAddress {
  const [, tls = '', kind, login, places, path = '', query] = URL_FORM.exec(text) ?? []
  if (places === undefined) throw new Error('is not of the form redis://user:password@host:port/database (percent-encode / ? # @ in user and password)')
  // ioredis would take the text before these characters for the host, and show it in the error when that host is not found.
  if (/[/?#\\]/.test(login ?? '')) throw new Error('has / ? # or \\ before the @: percent-encode them in user and password as %2F %3F %23 %5C')
  const hosts = places.split(',').map((place) => readHost(place, kind === 'sentinel' ? 26379 : 6379))
  if (kind === undefined && hosts.length > 1) throw new Error('names several hosts: use redis+cluster:// or redis+sentinel://')
  const [name = '', database = ''] = kind === 'sentinel' ? path.split('/') : ['', path]
  if (kind === 'sentinel' && name === '') throw new Error('does not name the master: write redis+sentinel://host:26379,host:26379/name')
  if (kind === 'cluster' && Number(database) !== 0) throw new Error('names a database, but a Cluster has only database 0: leave it out')
  if (!/^\d*$/.test(database)) throw new Error('names a database that is not a number')
  const asked = new URLSearchParams(query)
  const rest = kind === undefined && query !== undefined ? `?${query}` : ''
  return {
    url: `redis${tls}://${login === undefined ? '' : `${login}@`}${placeOf(hosts[0]!)}/${database}${rest}`,
    hosts,
    isTls: tls === 's',
    isCluster: kind === 'cluster',
    sentinel: kind === 'sentinel'
      ? { name: decodeURIComponent(name), username: asked.get('sentinel_username'), password: asked.get('sentinel_password') }
      : null,
  }
}

function placeOf ({ host, port }: RedisHost): string { return `${host.includes(':') ? `[${host}]` : host}:${port}` }

/** The address of one node of a Cluster, with the login and the TLS of its URL. */
export function addressOf (text: string, node: RedisHost): RedisAddress {
  const { url, ...address } = redisAddress(text)
  const path = new URL(url)
  return { ...address, url: url.replace(`${path.host}/`, `${placeOf(node)}/`), hosts: [node] }
}

function readHost (place: string, defaultPort: number): RedisHost {
  const [, host, port = String(defaultPort)] = HOST_FORM.exec(place) ?? []
  if (host === undefined || Number(port) > 65535) throw new Error('has a host that is not of the form host:port')
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}

/** Paths of PEM files; an empty or absent path means none. */
export interface RedisTlsFiles {
  readonly redisCaFile?: string | undefined
  readonly redisCertFile?: string | undefined
  readonly redisKeyFile?: string | undefined
}

/** TLS options of a connection beyond the defaults. */
export interface RedisTls { readonly ca?: string, readonly cert?: string, readonly key?: string }

/** @throws Error that names the setting but not the path, which may be a misplaced secret */
export function readRedisTls ({ redisCaFile, redisCertFile, redisKeyFile }: RedisTlsFiles): RedisTls {
  const tls = {
    ...(redisCaFile && { ca: read('REDIS_CA_FILE', redisCaFile) }),
    ...(redisCertFile && { cert: read('REDIS_CERT_FILE', redisCertFile) }),
    ...(redisKeyFile && { key: read('REDIS_KEY_FILE', redisKeyFile) }),
  }
  try { createSecureContext(tls) } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new Error(`REDIS_CA_FILE, REDIS_CERT_FILE and REDIS_KEY_FILE cannot be used (${code ?? message}): they must be PEM files of an authority, of a certificate and of its key, which must not have a password`)
  }
  return tls
}

function read (setting: string, path: string): string {
  let text
  try { text = readFileSync(path, 'utf8') } catch (error) {
    throw new Error(`${setting} cannot be read (${(error as NodeJS.ErrnoException).code}): it must be the path of a PEM file`)
  }
  if (!text.includes('-----BEGIN ')) throw new Error(`${setting} is not a PEM file: it has no line that starts with -----BEGIN`)
  return text
}
