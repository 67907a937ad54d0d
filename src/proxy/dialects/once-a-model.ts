import type { RawHeaders } from '../hop-by-hop.js'
import { DialectError } from './dialect-error.js'

const MOST_MODELS = 256

/** Asks once for each model, and again after a failure. */
export function once<T> (
  ask: (model: string, headers: RawHeaders, signal: AbortSignal) => Promise<T>): (model: string, headers: RawHeaders) => Promise<T> {
  const known = new Map<string, Promise<T>>()
  return (model, headers) => {
    const before = known.get(model)
    if (before !== undefined) return before
    if (known.size >= MOST_MODELS) known.clear()
    // The client that happens to be first may go away.
    const asking = ask(model, headers, AbortSignal.timeout(10_000)).catch((error) => {
      known.delete(model)
      throw new DialectError(`the model server can't say what its dialect needs: ${(error as Error).message}`)
    })
    known.set(model, asking)
    return asking
  }
}
