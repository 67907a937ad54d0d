import type { Fold } from './fold.js'
import { applyCheckpoint } from './learn-checkpoint.js'
import { applyConfiguration, applyPin, applyPolicy, applyReset } from './learn-command.js'
import { applyEnrolment } from './learn-enrolment.js'
import { applyLabel } from './learn-label.js'
import { applyOutcome } from './learn-outcome.js'
import { applyPredictor } from './learn-predictor.js'
import { applyTime } from './learn-time.js'
import type { LogEntry } from './log-entry.js'

/**
 * Folds one entry of the log into learned state; the same entries give the same state to the bit.
 * @param time of the entry's id, ms: what everything is judged by
 */
export function applyEntry (fold: Fold, time: number, entry: LogEntry): void {
  fold.cohorts.advance(time, fold.times.longestGap)
  switch (entry.type) {
    case 'enrolment': return applyEnrolment(fold, time, entry)
    case 'outcome': return applyOutcome(fold, time, entry)
    case 'label': return applyLabel(fold, time, entry)
    case 'policy': return applyPolicy(fold, time, entry.key, entry.policy, entry)
    case 'pin': return applyPin(fold, time, entry.key, entry.pin, entry)
    case 'configuration': return applyConfiguration(fold, time, entry.configuration)
    case 'reset': return applyReset(fold, time, entry)
    case 'checkpoint': return applyCheckpoint(fold, time, entry)
    case 'predictor': return applyPredictor(fold, time, entry)
    case 'tick': return applyTime(fold, time)
    case 'unreadable': // nothing comes of it
  }
}
