import { readConfig } from '../config.js'
import { ConfigError } from '../settings.js'
import { stateLines } from '../state-file.js'
import { createStore } from '../store/create-store.js'
import type { StateRow } from '../store/state-row.js'
import type { Store } from '../store/store.js'
import { CommandError, refuseArguments, UsageError } from './usage.js'
import { writeAll, type World } from './world.js'

/** A whole state is one command, of a hundred MB where predictors are on trial in ten thousand contexts, ms. */
const PATIENCE_MS = 60_000

export const usage = `Usage: stopgate export > FILE

Writes the whole state of the store that the environment names (REDIS_URL, or DATA_DIR), lines of JSON, as of one moment: what was
learned, outcomes that wait, the ids of those that came (so that one sent again is not counted twice), policies, pins, history, audit
trail, training runs. Not the steps recorded of generations whose outcome is still to come.

From Redis this may run beside the service, and holds Redis up for about as long as it takes to read the contexts. A folder serves one
process: stop its service first.

What is damaged in the store is named on standard error, and the exit code is then 1; the file has all the rest, and can be imported.
`

/** Damaged values that are named. */
const MOST_TOLD = 100

/** `stopgate export`. */
export async function run (args: readonly string[], { env, stdout, stderr }: World): Promise<void> {
  refuseArguments('export', args)
  await withStore(env, async (store) => {
    let damaged = 0
    const tell = ({ table, key, value, damaged: why }: StateRow) => {
      const fate = value === undefined ? 'it is left out' : 'it goes along as it is, and a service treats it there as here'
      if (++damaged <= MOST_TOLD) stderr.write(`stopgate export: ${table} ${JSON.stringify(key)} is damaged (${JSON.stringify(why)}): ${fate}\n`)
    }
    for await (const line of stateLines(store.exportRows(), new Date(), tell)) await writeAll(stdout, line)
    if (damaged > 0) {
      throw new CommandError(`${damaged} values of this store are damaged, the first ${MOST_TOLD} at most are named above. The file is written to its end, ` +
        'with all the rest, and can be imported; what a service does about damage is in the README under Faults')
    }
  })
}

/** Opens the store of the environment for a while; what goes wrong is said without a stack. */
export async function withStore (env: NodeJS.ProcessEnv, use: (store: Store) => Promise<void>): Promise<void> {
  let store: Store | undefined
  try {
    const config = readConfig(env)
    store = await createStore({ ...config, redisTimeoutMs: PATIENCE_MS })
    await use(store)
  } catch (error) {
    const { message } = error as Error
    throw error instanceof ConfigError ? new UsageError(message) : new CommandError(message, { cause: error })
  } finally {
    await store?.close()
  }
}
