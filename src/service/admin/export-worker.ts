import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { stateLines } from '../../store/encoding/state-file.js'
import { createStore } from '../../store/open/create-store.js'
import type { Store } from '../../store/store.js'
import type { Config } from '../config/config.js'

/** The data that the thread is started with. */
export interface ExportData { readonly config: Config, readonly file: string, readonly stateId: string }

export type ExportResult = { readonly rows: number, readonly damaged: number } | { readonly error: string }

/** Timeout of Redis commands, ms. Some transfer a hundred MB. */
const PATIENCE_MS = 60_000
/** Characters that are written at once. */
const PIECE = 2 ** 20

/**
 * Writes a state beside the file, and renames it when it is on disk. Writing never waits for the event loop: with the embedded store all
 * rows are then of one moment.
 */
async function write (store: Store, { file, stateId }: ExportData): Promise<ExportResult> {
  const part = `${file}.part`
  let [rows, damaged] = [-2, 0] // without the first line and the last
  try {
    const descriptor = openSync(part, 'w', 0o600)
    try {
      let waiting = ''
      for await (const line of stateLines(store.exportRows(), { exportedAt: new Date(), stateId }, () => { damaged++ })) {
        rows++
        waiting += line
        if (waiting.length < PIECE) continue
        writeAll(descriptor, waiting)
        waiting = ''
      }
      writeAll(descriptor, waiting)
      fsyncSync(descriptor)
    } finally { closeSync(descriptor) }
    renameSync(part, file)
    syncFolder(dirname(file))
    return { rows, damaged }
  } catch (error) {
    rmSync(part, { force: true })
    throw error
  }
}

function writeAll (descriptor: number, text: string): void {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at)
}

/** The new name is on disk afterwards. */
function syncFolder (folder: string): void {
  const descriptor = openSync(folder, 'r')
  try { fsyncSync(descriptor) } finally { closeSync(descriptor) }
}

const data = workerData as ExportData
let store: Store | null = null
try {
  store = await createStore({ ...data.config, isGuest: true, redisTimeoutMs: PATIENCE_MS })
  parentPort!.postMessage(await write(store, data))
} catch (error) {
  parentPort!.postMessage({ error: (error as Error).message } satisfies ExportResult)
} finally {
  await store?.close() // a thread that ends inside an LMDB transaction ends the whole process
}
