import type { StopChunk, StopLimits, StopStore } from '../stop-store.js'
import type { Tables } from './embedded-tables.js'

interface EmbeddedStopsOptions {
  readonly reads: () => Tables
  readonly write: <T>(action: () => T) => Promise<T>
  readonly limits: StopLimits
}

/** Bytes of the time (ms, a double) before the rows of a chunk. */
const HEAD = 8

/** Stops in a folder: chunks, numbered by the time of their append. */
export class EmbeddedStops implements StopStore {
  readonly #options: EmbeddedStopsOptions

  constructor (options: EmbeddedStopsOptions) { this.#options = options }

  async append (rows: Uint8Array): Promise<void> {
    const { reads, write, limits } = this.#options
    const chunk = Buffer.alloc(HEAD + rows.length)
    const now = Date.now()
    chunk.writeDoubleLE(now)
    chunk.set(rows, HEAD)
    await write(() => {
      const { stopRows, getMeta, setMeta } = reads()
      const [last = 0] = stopRows.getKeys({ reverse: true, limit: 1 })
      stopRows.putSync(Math.max(last + 1, now), chunk)
      let bytes = getMeta('stop_bytes') + chunk.length
      for (const { key, value } of [...stopRows.getRange({ limit: 16 })]) { // more than can be added
        if (bytes <= limits.bytes && value.readDoubleLE() >= now - limits.seconds * 1000) break
        stopRows.removeSync(key)
        bytes -= value.length
      }
      setMeta('stop_bytes', bytes)
    })
  }

  async read (before: string | null, limit: number): Promise<StopChunk[]> {
    const { stopRows } = this.#options.reads()
    if (before !== null && Number.isNaN(Number(before))) return [] // an id of another kind of store
    const range = stopRows.getRange({ reverse: true, limit, ...(before !== null && { start: Number(before), exclusiveStart: true }) })
    return [...range].map(({ key, value }) => ({ id: String(key), rows: value.subarray(HEAD) }))
  }
}
