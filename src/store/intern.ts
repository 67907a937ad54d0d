/** Values that are remembered at most. */
const MOST = 1000

const known = new Map<string, object>()

/** Returns one frozen object for all equal values, so that ten thousand contexts share what they repeat. */
export function intern<T extends object | undefined> (value: T): T {
  if (value === undefined) return value
  const text = JSON.stringify(value)
  const same = known.get(text)
  if (same !== undefined) return same as T
  if (known.size >= MOST) known.clear()
  known.set(text, Object.freeze(value))
  return value
}
