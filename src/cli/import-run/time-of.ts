/** The last second of the year 9999, the last with four digits. */
const LAST = 253402300799

/** Seconds since 1970 as an ISO time in `at`; nothing if out of range, as from a writer whose clock was not set. */
export function timeOf (seconds: number): { at?: string } {
  return seconds >= 0 && seconds <= LAST ? { at: new Date(seconds * 1000).toISOString() } : {}
}
