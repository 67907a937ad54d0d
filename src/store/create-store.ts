import { EmbeddedStore } from './embedded-store.js'
import type { Store } from './store.js'

export interface StoreOptions {
  /** `redis://` or `rediss://` URL; empty or absent: the store is embedded. */
  readonly redisUrl?: string | undefined
  /** Folder of the embedded store, made if absent; one process at a time. */
  readonly dataDir: string
  /** How long a generation id is remembered, s. */
  readonly dedupSeconds: number
}

/** Opens the store. Throws when another process uses the folder; a Redis that is down is no error, the store connects when it can. */
export async function createStore ({ redisUrl, dataDir, dedupSeconds }: StoreOptions): Promise<Store> {
  if (redisUrl === undefined || redisUrl === '') return EmbeddedStore.open({ dataDir, dedupSeconds })
  throw new Error('The Redis store is not built yet')
}
