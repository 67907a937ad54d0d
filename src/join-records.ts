import { setTimeout } from 'node:timers/promises'
import { isRecordComplete } from './core/complete-record.js'
import { joinRecord } from './core/join-record.js'
import { gradeOutcome, type LoggedOutcome, type ReportedOutcome } from './core/outcome.js'
import { mergeSteps } from './core/recorded-step.js'
import { ruleFor } from './core/snapshot.js'
import { FLUSH_MS, type Recorder } from './recorder.js'
import type { Service } from './service.js'
import type { Store } from './store/store.js'

/** How the steps of an outcome without any were found: all of them, some, none. */
export type JoinResult = 'complete' | 'incomplete' | 'none'

export interface Joining {
  readonly store: Pick<Store, 'kind' | 'recorded'>
  readonly service: Pick<Service, 'snapshot'>
  readonly recorder: Pick<Recorder, 'flush'>
}

export interface JoinedOutcome { readonly entry: LoggedOutcome, readonly result?: JoinResult }

/**
 * Grades outcomes for the log; those that may be control and came without steps get the ones recorded here. What a replica still holds of a
 * record with gaps is waited for, once for all of them.
 * @throws StoreUnavailableError
 */
export async function joinRecords (
  { store, service, recorder }: Joining, salt: string, outcomes: readonly ReportedOutcome[]): Promise<JoinedOutcome[]> {
  const snapshot = service.snapshot()
  const graded = outcomes.map((outcome) => gradeOutcome(salt, outcome))
  const joined: JoinedOutcome[] = graded.map((entry) => ({ entry }))

  async function look (places: readonly number[]): Promise<void> {
    const records = await store.recorded(places.map((i) => outcomes[i]!.generation_id))
    for (const i of places) {
      const outcome = outcomes[i]!
      const steps = mergeSteps(records.get(outcome.generation_id) ?? [])
      const entry = graded[i]!
      if (steps.length === 0 && outcome.steps_asked !== 0) {
        joined[i] = { entry, result: 'none' }
        continue
      }
      const isComplete = isRecordComplete(ruleFor(snapshot, outcome.context), outcome, steps)
      joined[i] = {
        entry: { ...entry, steps: joinRecord(salt, outcome, steps), steps_complete: entry.steps_complete && isComplete },
        result: isComplete ? 'complete' : 'incomplete',
      }
    }
  }

  const lean = [...outcomes.keys()].filter((i) => {
    const { recordSteps, mode } = ruleFor(snapshot, outcomes[i]!.context)
    return recordSteps && mode !== 'off' && isLean(outcomes[i]!)
  })
  if (lean.length === 0) return joined
  await recorder.flush()
  await look(lean)
  const unfinished = lean.filter((i) => joined[i]!.result === 'incomplete' || (joined[i]!.result === 'none' && outcomes[i]!.arm === 'control'))
  if (unfinished.length > 0 && store.kind === 'redis') { // an embedded store has no other replicas
    await setTimeout(2 * FLUSH_MS)
    await look(unfinished)
  }
  return joined
}

/** Whether the worker kept no steps of what may be a control generation. */
function isLean ({ steps, stopped, arm }: ReportedOutcome): boolean {
  return steps === undefined && stopped !== true && arm !== 'treated'
}
