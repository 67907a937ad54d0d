import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { EmbeddedStore } from '../../src/store/embedded/embedded-store.js'
import { foldNext, idsOf, outcomes } from './fixtures.js'

// A process with a store in a folder, for tests to kill. This file is both sides of it: the first half runs in the test.

/** A message of the process: it has opened the store, the reason why it could not, or the ids of an acknowledged batch. */
export type StoreMessage = { readonly opened: true } | { readonly error: string } | { readonly acknowledged: string[] }

/** Starts the process, and waits until it has opened the store or failed. With a name, it then appends batches of ids with that name. */
export async function startStoreProcess (
  t: Test, dataDir: string, name = '', onMessage: (message: StoreMessage) => void = () => {}): Promise<{ child: ChildProcess, told: StoreMessage }> {
  const child = fork(fileURLToPath(import.meta.url), [dataDir, name])
  t.teardown(() => { child.kill('SIGKILL') })
  child.on('message', onMessage)
  const [told] = await once(child, 'message')
  return { child, told }
}

/** Number of ids in a batch. */
export const BATCH = 4

const [, script, dataDir, name] = process.argv
if (script === fileURLToPath(import.meta.url)) {
  process.on('disconnect', () => { process.exit() }) // lives as long as the test
  const tell = (message: StoreMessage) => { process.send!(message) }
  try {
    const store = await EmbeddedStore.open({ dataDir: dataDir!, dedupSeconds: 3600 })
    tell({ opened: true })
    if (name) await Promise.all([...idsOf(name, 8).map((writer) => append(store, writer, tell)), fold(store)])
  } catch (error) {
    tell({ error: (error as Error).message })
    process.exit()
  }
}

async function append (store: EmbeddedStore, writer: string, tell: (message: StoreMessage) => void): Promise<never> {
  for (let i = 0; ; i++) {
    const ids = idsOf(`${writer}-${i}`, BATCH)
    await store.append(outcomes(...ids))
    tell({ acknowledged: ids })
  }
}

async function fold (store: EmbeddedStore): Promise<never> {
  const token = (await store.acquireLease('only', 60_000))!
  for (;;) await foldNext(store, token, 1000)
}
