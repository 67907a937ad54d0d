import { readConfig, type Config } from '../../service/config/config.js'
import { ConfigError } from '../../settings/environment.js'
import { createStore } from '../../store/open/create-store.js'
import type { Store } from '../../store/store.js'
import { CommandError, UsageError } from './command-error.js'

/** Timeout of Redis commands, ms. Some transfer a hundred MB: 10,000 contexts with their evidence. */
const PATIENCE_MS = 60_000

/**
 * Opens the store that the environment names, and closes it after the call of `use`.
 * @param check may refuse the settings before the store is opened, which creates it if absent
 * @param isGuest whether a service may be using the store, if that is a folder; then it is only read
 * @throws CommandError for any failure, so that no stack trace is printed
 */
export async function withStore (
  env: NodeJS.ProcessEnv, use: (store: Store) => Promise<void>, check: (config: Config) => void = () => {}, isGuest = false
): Promise<void> {
  let store: Store | undefined
  try {
    const config = readConfig(env)
    check(config)
    store = await createStore({ ...config, redisTimeoutMs: PATIENCE_MS, isGuest })
    await use(store)
  } catch (error) {
    const { message } = error as Error
    throw error instanceof ConfigError ? new UsageError(message) : new CommandError(message, { cause: error })
  } finally {
    await store?.close()
  }
}
