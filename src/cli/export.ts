import { resolve } from 'node:path'
import type { Config } from '../service/config/config.js'
import { stateLines } from '../store/encoding/state-file.js'
import { isStoreIn } from '../store/embedded/data-folder.js'
import type { StateRow } from '../store/state-format.js'
import { refuseArguments } from './command-line/flags.js'
import { writeAll, type CommandIo } from './command-line/command-io.js'
import { CommandError } from './command-line/command-error.js'
import { withStore } from './command-line/with-store.js'

export const usage = `Usage: stopgate export > FILE

Writes the whole state of the store that REDIS_URL or DATA_DIR names, as of one moment, in JSON lines. It leaves out the
decision log, and answers that await a label.

The service may keep running. Redis is blocked for about as long as it takes to read the contexts. With a DATA_DIR run the
command as the service's user, and in its container if it has one. The command gives up if Redis cannot be reached for
10 s, or stops answering for a minute.

If values are unreadable, they are named on standard error, and the exit code is 1; FILE has the rest and can be imported.

Example (keeps the last good file if the export fails):
  DATA_DIR=./data stopgate export > state.jsonl.new && mv state.jsonl.new state.jsonl
`

/** Number of unreadable values that are named. */
const MAX_NAMED = 100

/** `stopgate export`. */
export async function run (args: readonly string[], { env, stdout, stderr }: CommandIo): Promise<void> {
  refuseArguments('export', args)
  await withStore(env, async (store) => {
    let damaged = 0
    const onDamage = ({ table, key, value, damaged: why }: StateRow) => {
      const fate = value === undefined ? 'it is left out' : 'it is exported as it is, and a service will treat it as before'
      if (++damaged <= MAX_NAMED) stderr.write(`stopgate export: ${table} ${JSON.stringify(key)} is unreadable (${JSON.stringify(why)}): ${fate}\n`)
    }
    const tally: Tally = { contexts: 0, log: 0, seen: 0, version: 0, isStore: false }
    let held = ''
    for await (const line of stateLines(tallied(store.exportRows(), tally), new Date(), onDamage)) {
      held += line
      if (!tally.isStore) continue // nothing is written unless there is a store
      await writeAll(stdout, held)
      held = ''
    }
    if (!tally.isStore) throw new CommandError('the Redis of REDIS_URL holds no store: nothing is exported; use the REDIS_URL of the service, including its database')
    const { contexts, log, seen, version } = tally
    await writeAll(stderr, `exported ${contexts} contexts at version ${String(version)}, ${log} entries to fold, ${seen} ids of outcomes\n`)
    if (damaged > 0) {
      throw new CommandError(`${damaged} values of this store are unreadable; up to ${MAX_NAMED} are named above. ` +
        'The file has all the rest and can be imported')
    }
  }, refuseNoFolder, true)
}

interface Tally {
  contexts: number
  log: number
  seen: number
  version: unknown
  /** Whether a service ever used the store: it has a salt, which is drawn first, or any other row. */
  isStore: boolean
}

async function * tallied (rows: AsyncIterable<StateRow>, tally: Tally): AsyncIterable<StateRow> {
  for await (const row of rows) {
    const { table, key, value } = row
    if (value !== undefined && (table === 'contexts' || table === 'log' || table === 'seen')) tally[table]++
    if (table === 'meta' && key === 'version') tally.version = value
    tally.isStore ||= table !== 'meta' || (key === 'salt' && value !== null)
    yield row
  }
}

/** Opening the store would create it. */
function refuseNoFolder ({ redisUrl, dataDir }: Config): void {
  if (redisUrl !== '' || isStoreIn(dataDir)) return
  throw new CommandError(`DATA_DIR (${resolve(dataDir)}) holds no store: nothing is exported; use the DATA_DIR of the service, or its REDIS_URL`)
}
