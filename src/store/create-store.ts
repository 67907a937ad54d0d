import type { LogLimits } from './log-limits.js'
import type { RedisTlsFiles } from './redis-tls.js'
import type { Store } from './store.js'

export interface StoreOptions extends Partial<LogLimits>, RedisTlsFiles {
  /** As redisAddress reads it; empty or absent: the store is embedded. */
  readonly redisUrl?: string | undefined
  /** Folder of the embedded store, made if absent; one process at a time. */
  readonly dataDir: string
  /** How long the steps of a control generation are kept after its last one, s; default 3,600. */
  readonly recordSeconds?: number
  /** How many replicas of Redis must have what is acknowledged; default 0. */
  readonly waitReplicas?: number
  /** After which a Redis command has failed, ms; default 2,000. */
  readonly redisTimeoutMs?: number
  /** Embedded: whether a store in another thread of this process holds the folder, and outlives this one. */
  readonly isGuest?: boolean
}

/**
 * Opens the store, and does not load what the other kind is made of. Throws when another process uses the folder, or a file for TLS to
 * Redis can't be used; a Redis that is down is no error, the store connects when it can.
 */
export async function createStore (options: StoreOptions): Promise<Store> {
  const {
    redisUrl, redisCaFile, redisCertFile, redisKeyFile, redisTimeoutMs = 2000, waitReplicas = 0, dataDir, recordSeconds, isGuest = false,
    ...limits
  } = options
  const records = recordSeconds === undefined ? {} : { seconds: recordSeconds }
  if (redisUrl === undefined || redisUrl === '') {
    const { EmbeddedStore } = await import('./embedded-store.js')
    return EmbeddedStore.open({ ...limits, dataDir, records, isGuest })
  }
  const [{ RedisStore }, { readRedisTls }] = await Promise.all([import('./redis-store.js'), import('./redis-tls.js')])
  const tls = readRedisTls({ redisCaFile, redisCertFile, redisKeyFile })
  return RedisStore.open({ ...limits, url: redisUrl, timeoutMs: redisTimeoutMs, tls, waitReplicas, records })
}
