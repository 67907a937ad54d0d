/**
 * Has things said at once, but this often at most: what comes in between is said together, when it is time again, also where nothing
 * follows.
 * @param say what has come since it was last said
 * @param everyMs default 1,000
 * @returns to call with each that comes
 */
export function throttle (say: () => void, everyMs = 1000): () => void {
  let saidAt = -Infinity
  let timer: NodeJS.Timeout | undefined
  const speak = () => {
    timer = undefined
    saidAt = performance.now()
    say()
  }
  return () => {
    if (timer !== undefined) return
    const leftMs = saidAt + everyMs - performance.now()
    if (leftMs <= 0) speak(); else timer = setTimeout(speak, leftMs).unref()
  }
}
