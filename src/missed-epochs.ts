import { isWithin } from './core/context.js'
import type { ContextState } from './core/context-state.js'
import type { CheckpointEntry, Command } from './core/log-entry.js'
import type { Store } from './store/store.js'
import { isWholeEntry } from './store/whole.js'

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
  const missed = await Promise.all([
    missedResets(store, contexts).catch(noneIfDamaged), missedCheckpoints(store, contexts).catch(noneIfDamaged),
  ])
  return missed.flat().filter(isWholeEntry) // or it would be damage itself, and said again for ever
}

async function missedResets (store: Pick<Store, 'audit'>, contexts: ReadonlyMap<string, ContextState>): Promise<Command[]> {
  const resets = new Map<string, number>() // by context, when the newest was stated
  for (const { time, command } of await store.audit(ROWS)) {
    if (command.type === 'reset' && !resets.has(command.key)) resets.set(command.key, time)
  }
  return [...resets].filter(([key, time]) => isMissed(contexts.get(key), time))
    .map(([key]) => ({ type: 'reset', key, by: 'stopgate', reason: 'the log had it in an entry that could not be read' }))
}

async function missedCheckpoints (store: Pick<Store, 'trainingRuns'>, contexts: ReadonlyMap<string, ContextState>): Promise<CheckpointEntry[]> {
  const isOther = ({ checkpoint }: ContextState, run: string, step: number) => checkpoint?.run !== run || checkpoint.step !== step
  return (await store.trainingRuns()).flatMap(({ name: run, contexts: openings }) => openings
    .filter(({ key: under, step, at }) =>
      [...contexts].some(([key, state]) => isWithin(key, under) && isOther(state, run, step) && isMissed(state, at)))
    .map(({ key, step }) => ({ type: 'checkpoint', key, run, step, by: 'stopgate' })))
}

function isMissed (state: ContextState | undefined, time: number): boolean {
  return state !== undefined && state.epoch_started_at < time - SAME_MS
}

/** What is damaged as well, no JSON or not what it must be, must not keep the learner from going on. */
function noneIfDamaged (error: unknown): [] {
  if (error instanceof SyntaxError || error instanceof TypeError) return []
  throw error
}
