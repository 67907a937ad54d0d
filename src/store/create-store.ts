import { EmbeddedStore } from './embedded-store.js'
import { RedisStore } from './redis-store.js'
import type { Store } from './store.js'

export interface StoreOptions {
  /** `redis://` or `rediss://` URL; empty or absent: the store is embedded. */
  readonly redisUrl?: string | undefined
  /** Folder of the embedded store, made if absent; one process at a time. */
  readonly dataDir: string
  /** How long a generation id is remembered, s. */
  readonly dedupSeconds: number
  /** How long the steps of a control generation are kept after its last one, s; default 3,600. */
  readonly recordSeconds?: number
  /** After which a Redis command has failed, ms; default 2,000. */
  readonly redisTimeoutMs?: number
}

/** Opens the store. Throws when another process uses the folder; a Redis that is down is no error, the store connects when it can. */
export async function createStore (options: StoreOptions): Promise<Store> {
  const { redisUrl, dataDir, dedupSeconds, recordSeconds, redisTimeoutMs = 2000 } = options
  const records = recordSeconds === undefined ? {} : { seconds: recordSeconds }
  if (redisUrl === undefined || redisUrl === '') return EmbeddedStore.open({ dataDir, dedupSeconds, records })
  return RedisStore.open({ url: redisUrl, dedupSeconds, timeoutMs: redisTimeoutMs, records })
}
