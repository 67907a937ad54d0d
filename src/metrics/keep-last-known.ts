/** Reads for the metrics; while the store is out of reach, what was read last: store_up says why. */
export function keepLastKnown<T> (read: () => Promise<readonly T[]>): () => Promise<readonly T[]> {
  let last: readonly T[] = []
  return async () => {
    try { last = await read() } catch { /* the last reading stands */ }
    return last
  }
}
