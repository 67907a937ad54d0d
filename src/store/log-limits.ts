/** Bounds of the log and of the ids that it remembers. */
export type LogLimits = Readonly<typeof LOG_LIMITS>

export const LOG_LIMITS = {
  /** How long a generation id is remembered, s. */
  dedupSeconds: 604_800,
  /** Number of unfolded entries from which on outcomes, labels and enrolment lists are refused. */
  maxLogEntries: 1_000_000,
}

/** Fills in the defaults. */
export function logLimits (given: Partial<LogLimits>): LogLimits {
  return {
    dedupSeconds: given.dedupSeconds ?? LOG_LIMITS.dedupSeconds,
    maxLogEntries: given.maxLogEntries ?? LOG_LIMITS.maxLogEntries,
  }
}
