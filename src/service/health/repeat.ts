/**
 * Calls a function now and then at an interval. A call is left out while the one before has not ended.
 * @param look catches its own errors
 */
export function repeat (look: () => Promise<void>, everyMs: number) {
  let isLooking = false
  const run = async () => {
    if (isLooking) return
    isLooking = true
    await look().finally(() => { isLooking = false })
  }
  run()
  const timer = setInterval(run, everyMs).unref()
  return { close () { clearInterval(timer) } }
}
