/** Checks in one timeout. */
const CHECKS = 10

export interface Watchdog {
  /** Restarts the timeout: a sign of life was received. */
  readonly reset: () => void
  readonly close: () => void
}

/**
 * Calls back once when no sign of life was received for a time. It counts its own checks instead of reading a clock: while this process was
 * suspended or busy it could not receive any.
 */
export function startWatchdog (timeoutMs: number, onSilence: () => void): Watchdog {
  let checks = 0
  const timer = setInterval(() => {
    if (++checks === CHECKS + 1) onSilence()
  }, timeoutMs / CHECKS).unref()
  return { reset () { checks = 0 }, close () { clearInterval(timer) } }
}
