import { createStore } from '../../src/store/open/create-store.js'
import { SERVER_CORE, startServer, temporaryFolder, type Server } from './processes.js'
import { seed, SEEDED_ENV } from '../../test/store/seeded-state.js'

/** Starts the service on a store with many contexts: the embedded one, or one in Redis. */
export async function seededServer (contexts: number, redisUrl = '', core: number | null = SERVER_CORE): Promise<Server> {
  const dataDir = await temporaryFolder()
  const store = await createStore({ dataDir, redisUrl })
  await seed(store, contexts)
  await store.close()
  return await startServer({ ...SEEDED_ENV, DATA_DIR: dataDir, REDIS_URL: redisUrl }, core)
}
