/** Rows of stops that were written together, as the decision log encodes them. */
export interface StopChunk {
  /** Orders the chunks. Begins with the time of its append, ms. */
  readonly id: string
  readonly rows: Uint8Array
}

/** A chunk is kept for so many seconds, and all chunks together take at most so many bytes. */
export interface StopLimits { readonly seconds: number, readonly bytes: number }

export const STOP_LIMITS: StopLimits = { seconds: 604_800, bytes: 64 * 1024 * 1024 }

/**
 * The stops of the decision log. Chunks are kept in the order in which they were appended. The oldest are removed as an append finds that
 * they have expired, or that there are too many bytes.
 */
export interface StopStore {
  readonly append: (rows: Uint8Array) => Promise<void>
  /** Newest first; with `before`, only chunks before that id, or before that time. */
  readonly read: (before: string | null, limit: number) => Promise<StopChunk[]>
}
