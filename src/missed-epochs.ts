import { isWithin } from './core/context.js'
import type { ContextState } from './core/context-state.js'
import type { CheckpointEntry, Command } from './core/log-entry.js'
import type { Store } from './store/store.js'

/** Commands that are looked through, newest first. */
const ROWS = 1000
/** By how much a row's time may be after its entry's: Redis takes it twice, ms. */
const SAME_MS = 10

/**
 * Resets and checkpoints that began no epoch, since the log had them in entries that could not be read: the audit trail has the ones, the
 * training runs the others. Without them the evidence of before would go on to vouch. One that is still to come in the log begins two
 * epochs, which costs tokens and no answer.
 */
export async function missedEpochs (
  store: Pick<Store, 'audit' | 'trainingRuns'>, contexts: ReadonlyMap<string, ContextState>
): Promise<Array<Command | CheckpointEntry>> {
  const [rows, runs] = await Promise.all([store.audit(ROWS).catch(noneIfDamaged), store.trainingRuns().catch(noneIfDamaged)])
  const resets = new Map<string, number>() // by context, when the newest was stated
  for (const { time, command } of rows) if (command.type === 'reset' && !resets.has(command.key)) resets.set(command.key, time)
  const isMissed = (key: string, time: number) => (contexts.get(key)?.epoch_started_at ?? Infinity) < time - SAME_MS
  const isOther = ({ checkpoint }: ContextState, run: string, step: number) => checkpoint?.run !== run || checkpoint.step !== step
  return [
    ...[...resets].filter(([key, time]) => isMissed(key, time))
      .map(([key]) => ({ type: 'reset' as const, key, by: 'stopgate', reason: 'the log had it in an entry that could not be read' })),
    ...runs.flatMap(({ name: run, contexts: openings }) => openings
      .filter(({ key: under, step, at }) =>
        [...contexts].some(([key, state]) => isWithin(key, under) && isOther(state, run, step) && isMissed(key, at)))
      .map(({ key, step }) => ({ type: 'checkpoint' as const, key, run, step, by: 'stopgate' }))),
  ]
}

/** What is damaged as well must not keep the learner from going on. */
function noneIfDamaged (error: unknown): [] {
  if (error instanceof SyntaxError) return []
  throw error
}
