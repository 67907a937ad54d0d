/**
 * Throttles reports of events: the first event is reported at once, and those that follow within `everyMs` are reported together at the end
 * of that time.
 * @param report reports the events since the last report
 * @param everyMs default 1,000
 * @returns a function to call for each event
 */
export function throttle (report: () => void, everyMs = 1000): () => void {
  let reportedAt = -Infinity
  let timer: NodeJS.Timeout | undefined
  const run = () => {
    timer = undefined
    reportedAt = performance.now()
    report()
  }
  return () => {
    if (timer !== undefined) return
    const leftMs = reportedAt + everyMs - performance.now()
    if (leftMs <= 0) run(); else timer = setTimeout(run, leftMs).unref()
  }
}
