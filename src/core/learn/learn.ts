import { timesOf, type Fold } from './fold.js'
import { learnCheckpoint } from './learn-checkpoint.js'
import { learnConfiguration, learnPin, learnPolicy, learnReset } from './learn-command.js'
import { learnEnrolment } from './learn-enrolment.js'
import { learnLabel } from './learn-label.js'
import { learnOutcome } from './learn-outcome.js'
import { learnPredictor } from './learn-predictor.js'
import { learnTime } from './learn-time.js'
import type { LogEntry } from './log-entry.js'

/**
 * Folds one entry of the log into learned state; the same entries give the same state to the bit.
 * @param time of the entry's id, ms: what everything is judged by
 */
export function learn (fold: Fold, time: number, entry: LogEntry): void {
  fold.cohorts.advance(time, timesOf(fold.ledger).longestGap)
  switch (entry.type) {
    case 'enrolment': return learnEnrolment(fold, time, entry)
    case 'outcome': return learnOutcome(fold, time, entry)
    case 'label': return learnLabel(fold, time, entry)
    case 'policy': return learnPolicy(fold, time, entry.key, entry.policy, entry)
    case 'pin': return learnPin(fold, time, entry.key, entry.pin, entry)
    case 'configuration': return learnConfiguration(fold, time, entry.configuration)
    case 'reset': return learnReset(fold, time, entry)
    case 'checkpoint': return learnCheckpoint(fold, time, entry)
    case 'predictor': return learnPredictor(fold, time, entry)
    case 'tick': return learnTime(fold, time)
    case 'unreadable': // nothing comes of it
  }
}
