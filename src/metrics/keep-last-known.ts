/** Reads for the metrics. While the store cannot be reached, it returns the last result; stopgate_store_up shows the failure. */
export function keepLastKnown<T> (read: () => Promise<T>, last: T): () => Promise<T> {
  return async () => {
    try { last = await read() } catch { /* keep the last result */ }
    return last
  }
}
