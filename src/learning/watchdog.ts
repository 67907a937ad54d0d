/** In how many looks silence is told. */
const LOOKS = 10

export interface Watchdog {
  /** Something was heard. */
  readonly heard: () => void
  readonly close: () => void
}

/**
 * Calls back, once for each time, when nothing was heard for so long. It counts looks and not time: a process that was stopped, or that was
 * busy itself, has heard nothing of anybody meanwhile.
 */
export function startWatchdog (ms: number, onSilence: () => void): Watchdog {
  let looks = 0
  const timer = setInterval(() => {
    if (++looks === LOOKS + 1) onSilence()
  }, ms / LOOKS).unref()
  return { heard () { looks = 0 }, close () { clearInterval(timer) } }
}
