/** Bounds of the log and of the ids that it remembers. */
export interface LogLimits {
  /** How long a generation id is remembered, s. */
  readonly dedupSeconds: number
  /** How long after its outcome a label may come, s; 0: never. */
  readonly labelWaitSeconds: number
  /** Number of unfolded entries from which on outcomes and labels are refused. */
  readonly maxLogEntries: number
}

export const LOG_LIMITS: LogLimits = { dedupSeconds: 604_800, labelWaitSeconds: 600, maxLogEntries: 1_000_000 }

/** Fills in the defaults. */
export function logLimits (given: Partial<LogLimits>): LogLimits {
  return {
    dedupSeconds: given.dedupSeconds ?? LOG_LIMITS.dedupSeconds,
    labelWaitSeconds: given.labelWaitSeconds ?? LOG_LIMITS.labelWaitSeconds,
    maxLogEntries: given.maxLogEntries ?? LOG_LIMITS.maxLogEntries,
  }
}
