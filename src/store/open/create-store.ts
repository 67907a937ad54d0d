import type { LogLimits } from '../log.js'
import type { RedisTlsFiles } from '../redis/redis-address.js'
import type { EmbeddedOptions } from '../embedded/embedded-store.js'
import type { RedisOptions } from '../redis/redis-store.js'
import type { Store } from '../store.js'

interface StoreOptions
  extends Partial<LogLimits>, RedisTlsFiles, Pick<EmbeddedOptions, 'dataDir' | 'isGuest'>, Pick<RedisOptions, 'waitReplicas'> {
  /** See `redisAddress`. Without a URL the store is embedded. */
  readonly redisUrl?: string | undefined
  /** How long the decision log keeps a generation after its last event, s; default 86,400. */
  readonly decisionLogSeconds?: number
  /** Size of the decision log, MiB; default 64. */
  readonly decisionLogMib?: number
  /** Size of all stops, MiB; default 64. */
  readonly stopLogMib?: number
  /** Timeout of a Redis command, ms; default 2,000. */
  readonly redisTimeoutMs?: number
}

/**
 * Opens the store, and loads only the modules of its kind. Throws if another process uses the folder, or if a TLS file cannot be used. A
 * Redis that is down is not an error: the store connects when it can.
 */
export async function createStore (options: StoreOptions): Promise<Store> {
  const {
    redisUrl, redisCaFile, redisCertFile, redisKeyFile, redisTimeoutMs = 2000, waitReplicas = 0, dataDir, isGuest = false,
    decisionLogSeconds, decisionLogMib, stopLogMib, ...limits
  } = options
  const events = {
    ...(decisionLogSeconds !== undefined && { seconds: decisionLogSeconds }),
    ...(decisionLogMib !== undefined && { bytes: decisionLogMib * 1024 * 1024 }),
  }
  const stops = stopLogMib === undefined ? {} : { bytes: stopLogMib * 1024 * 1024 }
  if (redisUrl === undefined || redisUrl === '') {
    const { EmbeddedStore } = await import('../embedded/embedded-store.js')
    return EmbeddedStore.open({ ...limits, dataDir, events, stops, isGuest })
  }
  const [{ RedisStore }, { readRedisTls }] = await Promise.all([import('../redis/redis-store.js'), import('../redis/redis-address.js')])
  const tls = readRedisTls({ redisCaFile, redisCertFile, redisKeyFile })
  return RedisStore.open({ ...limits, url: redisUrl, timeoutMs: redisTimeoutMs, tls, waitReplicas, events, stops })
}
