import type { RootDatabase } from 'lmdb'
import { StoreUnavailableError } from './store-errors.js'

/** Runs the action all or nothing; what it wrote is on disk when this resolves. What LMDB can't write becomes StoreUnavailableError. */
export async function transact<T> (root: RootDatabase, action: () => T): Promise<T> {
  try {
    return await root.childTransaction(action)
  } catch (error) {
    const { code, commitError } = error as { code?: unknown, commitError?: Promise<never> }
    if (typeof code !== 'number' && commitError === undefined) throw error // not LMDB's
    const cause = await commitError?.catch((reason: Error) => reason) ?? error as Error
    throw new StoreUnavailableError(`Can't write to the data folder (is its disk full?): ${cause.message}`, { cause })
  }
}
