/** Checks in one timeout. */
const CHECKS = 10

/**
 * Calls back once when no sign of life was received for a time. It counts its own checks instead of reading a clock: while this process was
 * suspended or busy it could not receive any.
 */
export function startWatchdog (timeoutMs: number, onSilence: () => void) {
  let checks = 0
  const timer = setInterval(() => {
    if (++checks === CHECKS + 1) onSilence()
  }, timeoutMs / CHECKS).unref()
  return {
    /** Restarts the timeout: a sign of life was received. */
    reset () { checks = 0 },
    close () { clearInterval(timer) },
  }
}
