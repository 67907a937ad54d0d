import { applyCommand } from './apply-command.js'
import { applyEnrolment } from './apply-enrolment.js'
import { applyLabel } from './apply-label.js'
import { applyOutcome } from './apply-outcome.js'
import { applyRefusedStops } from './apply-sight.js'
import { applyTime } from './apply-time.js'
import type { Fold } from './fold.js'
import type { LogEntry } from './log-entry.js'
import { endDays } from './savings-by-day.js'

/**
 * Folds one entry of the log into learned state; the same entries give the same state to the bit.
 * @param time of the entry's id, ms: the only clock
 */
export function applyEntry (fold: Fold, time: number, entry: LogEntry): void {
  endDays(fold, time)
  fold.cohorts.advance(time, fold.times.longestGap)
  switch (entry.type) {
    case 'enrolment': return applyEnrolment(fold, time, entry)
    case 'outcome': return applyOutcome(fold, time, entry)
    case 'label': return applyLabel(fold, time, entry)
    case 'refused_stops': return applyRefusedStops(fold, time, entry)
    case 'tick': return applyTime(fold, time)
    case 'acknowledgement': case 'unreadable': return // without effect
    default: return applyCommand(fold, time, entry)
  }
}
