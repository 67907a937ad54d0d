import { createReadStream } from 'node:fs'
import { type Command, endedEpoch, type LogEntry, SERVICE } from '../core/learn/index.js'
import { type PolicyPatch, ROOT } from '../core/policy/index.js'
import type { EndedEpoch } from '../core/stats/index.js'
import { readStateFile } from '../store/encoding/state-file.js'
import { toCursor, toPlace } from '../store/log.js'
import type { SortedState } from '../store/state-format.js'
import type { Store } from '../store/store.js'
import { parseFlags } from './command-line/flags.js'
import { writeAll, type CommandIo } from './command-line/command-io.js'
import { linesOf } from './command-line/lines-of.js'
import { StoreTakenError } from '../store/store-errors.js'
import { CommandError, UsageError } from './command-line/command-error.js'
import { withStore } from './command-line/with-store.js'

export const usage = `Usage: stopgate import FILE [--replace]

Loads a state that \`stopgate export\` wrote into the store that REDIS_URL or DATA_DIR names, of either kind. The import is
atomic: if it is interrupted, the store is unchanged. Evidence begins again in every context: otherwise the backup that
looks best could be chosen. CONTEXT_LEVELS and DEFAULT_POLICY must be those of the exporting service, or the service
drops the learned state when it starts. Running replicas load the new state by themselves. The command gives up if Redis
cannot be reached for 10 s, or stops answering for a minute.

  FILE        file to read; - reads standard input

Options:
  --replace   replace the state in the store, which is lost (default: refuse unless the store is unused)

Example:
  DATA_DIR=./new-data stopgate import state.jsonl
`

/** `stopgate import`. */
export async function run (args: readonly string[], { env, stderr }: CommandIo): Promise<void> {
  const { positionals, values } = parseFlags(args, { replace: { type: 'boolean' } })
  const [file] = positionals
  if (file === undefined || positionals.length > 1) throw new UsageError('import takes one FILE (- for standard input)')
  const state = await read(file)
  await withStore(env, async (store) => {
    try {
      const isPaused = (await store.policies([ROOT])).get(ROOT)?.mode === 'off'
      const kept = isPaused ? withPause(state, Date.now()) : state
      await store.importRows(withImport(kept, await endedEpochs(store), Date.now()), values.replace === true)
    } catch (error) {
      throw error instanceof StoreTakenError ? new CommandError(`${error.message}: export it first if you need it, then import with --replace`) : error
    }
  })
  const { contexts, log, seen } = state.rows
  await writeAll(stderr, `imported ${contexts.length} contexts at version ${state.meta.version}, ${log.length} entries to fold, ${seen.length} ids of outcomes\n`)
}

/** The epochs of a store, which an import ends. */
async function endedEpochs (store: Store): Promise<Record<string, EndedEpoch>> {
  const states = await store.readContexts(await store.contextKeys())
  return Object.fromEntries([...states].map(([key, state]) => [key, endedEpoch(state)]))
}

/** The state with a last entry in its log, which says that it was imported. @param now ms */
function withImport (state: SortedState, replaced: Record<string, EndedEpoch>, now: number): SortedState {
  return withEntry(state, { type: 'import', replaced }, now)
}

/** The state with the pause of stopping that the store has: only an operator ends it. @param now ms */
function withPause (state: SortedState, now: number): SortedState {
  const { policies, audit } = state.rows
  const replaced = (policies.find(({ key }) => key === ROOT)?.value ?? null) as PolicyPatch | null
  if (replaced?.mode === 'off') return state
  const policy = { ...replaced, mode: 'off' as const }
  const command: Command = { type: 'policy', key: ROOT, policy, by: SERVICE, reason: 'stopping was paused in the store that the import replaced' }
  const { meta, rows } = withEntry(state, command, now)
  const row = { time: now, version: meta.version, command, replaced }
  return {
    meta,
    rows: {
      ...rows,
      policies: [...policies.filter(({ key }) => key !== ROOT), { table: 'policies', key: ROOT, value: policy }],
      audit: [...audit, { table: 'audit', key: '', value: row }],
    },
  }
}

function withEntry ({ meta, rows }: SortedState, entry: LogEntry, now: number): SortedState {
  const [ms, sequence] = toPlace(meta.last_id)
  const key = toCursor(now > ms ? [now, 0] : [ms, sequence + 1])
  return { meta: { ...meta, last_id: key }, rows: { ...rows, log: [...rows.log, { table: 'log', key, value: entry }] } }
}

async function read (file: string): ReturnType<typeof readStateFile> {
  try {
    const input = file === '-' ? createReadStream('', { fd: 0, autoClose: false }) : createReadStream(file)
    return await readStateFile(linesOf(input))
  } catch (error) {
    throw new CommandError(`${file} cannot be imported: ${(error as Error).message}`, { cause: error })
  }
}
