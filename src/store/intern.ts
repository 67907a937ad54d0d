/** Kept to compare with. */
const MOST = 1000

const known = new Map<string, object>()

/** The same object for all that say the same: what every context of ten thousand repeats, it need not have for itself. */
export function intern<T extends object | undefined> (value: T): T {
  if (value === undefined) return value
  const text = JSON.stringify(value)
  const same = known.get(text)
  if (same !== undefined) return same as T
  if (known.size >= MOST) known.clear()
  known.set(text, Object.freeze(value))
  return value
}
