import type { Fold } from './fold.js'
import { learnConfiguration, learnPolicies, learnReset } from './learn-command.js'
import { learnOutcome } from './learn-outcome.js'
import { learnTime } from './learn-time.js'
import type { LogEntry } from './log-entry.js'

/**
 * Folds one entry of the log into learned state; the same entries give the same state to the bit.
 * @param time of the entry's id, ms: the learner's only clock
 */
export function learn (fold: Fold, time: number, entry: LogEntry): void {
  const { ledger } = fold
  switch (entry.type) {
    case 'outcome': return learnOutcome(fold, time, entry)
    case 'policy': return learnPolicies(fold, time, { ...ledger, policies: withEntry(ledger.policies, entry.key, entry.policy) }, entry.key)
    case 'pin': return learnPolicies(fold, time, { ...ledger, pins: withEntry(ledger.pins, entry.key, entry.pin) }, entry.key)
    case 'configuration': return learnConfiguration(fold, time, entry.configuration)
    case 'reset': return learnReset(fold, time, entry.key)
    case 'tick': return learnTime(fold, time)
  }
}

function withEntry<T> (map: ReadonlyMap<string, T>, key: string, value: T | null): ReadonlyMap<string, T> {
  const copy = new Map(map)
  if (value === null) copy.delete(key); else copy.set(key, value)
  return copy
}
