import type { FastifyBaseLogger } from 'fastify'

/** Kinds of stored data that are left out if they are unreadable. */
export const CORRUPTIBLE = ['entry', 'ledger', 'pending', 'cohorts', 'samples', 'predictors', 'audit', 'history', 'runs'] as const
export type Corrupted = typeof CORRUPTIBLE[number]

/** Logs and counts unreadable items. @param more further fields of the log line */
export type ReportCorruption = (what: Corrupted, count: number, more?: object) => void

/** @param onDamage called as well if there is any item */
export function corruptionReporter (log: FastifyBaseLogger, onDamage: (what: Corrupted, count: number) => void): ReportCorruption {
  return (what, count, more = {}) => {
    if (count === 0) return
    log.error({ what, count, ...more }, 'some items in the store are unreadable and were left out')
    onDamage(what, count)
  }
}
