import type { FastifyBaseLogger } from 'fastify'

/** What of a store may be unreadable and left out. */
export type Corrupted = 'entry' | 'ledger' | 'pending' | 'samples' | 'predictors' | 'audit' | 'history' | 'runs'

/** Says that so many can't be read, with what else is known of them. */
export type ReportCorruption = (what: Corrupted, count: number, more?: object) => void

/** @param onDamage called as well, where there is any */
export function corruptionReporter (log: FastifyBaseLogger, onDamage: (what: Corrupted, count: number) => void): ReportCorruption {
  return (what, count, more = {}) => {
    if (count === 0) return
    log.error({ what, count, ...more }, 'some of what the store holds can\'t be read, and is left out')
    onDamage(what, count)
  }
}
