/** Warns once about each subject. */
export function warnOnce<T> (warn: (message: string) => void, most = Infinity): (about: T, message: string) => void {
  const told = new Set<T>()
  return (about, message) => {
    if (told.has(about) || told.size >= most) return
    told.add(about)
    warn(message)
  }
}
