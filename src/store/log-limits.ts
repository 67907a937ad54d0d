/** What the log takes, and for how long it remembers. */
export interface LogLimits {
  /** How long a generation id is remembered, s. */
  readonly dedupSeconds: number
  /** How long after its outcome a label may come, s; 0: never. */
  readonly labelWaitSeconds: number
  /** Entries that may wait to be folded before outcomes and labels are refused. */
  readonly maxLogEntries: number
}

export const LOG_LIMITS: LogLimits = { dedupSeconds: 604_800, labelWaitSeconds: 600, maxLogEntries: 1_000_000 }

/** What was given, else the default. */
export function logLimits (given: Partial<LogLimits>): LogLimits {
  return {
    dedupSeconds: given.dedupSeconds ?? LOG_LIMITS.dedupSeconds,
    labelWaitSeconds: given.labelWaitSeconds ?? LOG_LIMITS.labelWaitSeconds,
    maxLogEntries: given.maxLogEntries ?? LOG_LIMITS.maxLogEntries,
  }
}
