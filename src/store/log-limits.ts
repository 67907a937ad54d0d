/** Bounds of the log and of the ids that it remembers. */
export interface LogLimits {
  /** How long a generation id is remembered, s. */
  readonly dedupSeconds: number
  /** Number of unfolded entries from which on outcomes, labels and enrolment lists are refused. */
  readonly maxLogEntries: number
}

export const LOG_LIMITS: LogLimits = { dedupSeconds: 604_800, maxLogEntries: 1_000_000 }

/** Fills in the defaults. */
export function logLimits (given: Partial<LogLimits>): LogLimits {
  return {
    dedupSeconds: given.dedupSeconds ?? LOG_LIMITS.dedupSeconds,
    maxLogEntries: given.maxLogEntries ?? LOG_LIMITS.maxLogEntries,
  }
}
