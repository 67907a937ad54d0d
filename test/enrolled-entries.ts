import type { LoggedOutcome } from '../src/core/outcome/outcome.js'
import type { LogEntry } from '../src/core/learn/log-entry.js'
import { KEY } from './certify.js'

/**
 * The log entries of control generations of a context: the list that enrols them, and their outcomes.
 * @param epoch name of its epoch; `null`: it is the first one
 */
export function enrolledEntries (outcomes: readonly LoggedOutcome[], key = KEY, epoch: string | null = null): LogEntry[] {
  const draws = outcomes.map(({ u, hash }) => [u, hash] as const)
  const list = { boot: `of ${outcomes[0]!.generation_id}`, number: 1, age: 0, entries: [{ key, epoch, share: 1, draws }] }
  return [{ type: 'enrolment', ...list }, ...outcomes]
}
