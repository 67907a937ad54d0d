/** The last second that ISO 8601 writes with four digits of the year: 9999-12-31T23:59:59Z. */
const LAST = 253402300799

/** A file's seconds since 1970 as `at` has it; nothing where they are no time, as they are in files of writers whose clock was not set. */
export function timeOf (seconds: number): { at?: string } {
  return seconds >= 0 && seconds <= LAST ? { at: new Date(seconds * 1000).toISOString() } : {}
}
