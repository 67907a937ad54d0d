import { readConfig, type Config } from '../../config/config.js'
import { ConfigError } from '../../config/settings.js'
import { createStore } from '../../store/create-store.js'
import type { Store } from '../../store/store.js'
import { CommandError, UsageError } from './command-error.js'

/** A whole state is one command, of a hundred MB where predictors are on trial in ten thousand contexts, ms. */
const PATIENCE_MS = 60_000

/** Opens the store of the environment for a while, if nothing speaks against it; what goes wrong is said without a stack. */
export async function withStore (
  env: NodeJS.ProcessEnv, use: (store: Store) => Promise<void>, check: (config: Config) => void = () => {}
): Promise<void> {
  let store: Store | undefined
  try {
    const config = readConfig(env)
    check(config)
    store = await createStore({ ...config, redisTimeoutMs: PATIENCE_MS })
    await use(store)
  } catch (error) {
    const { message } = error as Error
    throw error instanceof ConfigError ? new UsageError(message) : new CommandError(message, { cause: error })
  } finally {
    await store?.close()
  }
}
