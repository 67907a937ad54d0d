/** Reads a list for the metrics. While the store cannot be reached, it returns the last list; stopgate_store_up shows the failure. */
export function keepLastKnown<T> (read: () => Promise<readonly T[]>): () => Promise<readonly T[]> {
  let last: readonly T[] = []
  return async () => {
    try { last = await read() } catch { /* keep the last list */ }
    return last
  }
}
