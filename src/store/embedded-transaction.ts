import type { RootDatabase } from 'lmdb'
import { StoreUnavailableError } from './store-errors.js'

/** Runs the action all or nothing; it is on disk when this resolves. A failure of LMDB becomes StoreUnavailableError. */
export async function transact<T> (root: RootDatabase, action: () => T): Promise<T> {
  try {
    return await root.childTransaction(action)
  } catch (error) {
    const { code, commitError } = error as { code?: unknown, commitError?: Promise<never> }
    if (typeof code !== 'number' && commitError === undefined) throw error // not an error of LMDB
    const cause = await commitError?.catch((reason: Error) => reason) ?? error as Error
    throw new StoreUnavailableError(`The data folder cannot be written to (its disk may be full): ${cause.message}`, { cause })
  }
}
