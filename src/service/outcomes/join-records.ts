import { setImmediate, setTimeout } from 'node:timers/promises'
import { ruleFor } from '../../core/decide/snapshot.js'
import { type Normalise, rememberingNormaliser } from '../../core/outcome/exact-match.js'
import { gradeOutcome, type LoggedOutcome, type ReportedOutcome, textsOf, withProbeCosts } from '../../core/outcome/outcome.js'
import { holdsEveryStep, isRecordComplete, isRecordProbed, joinRecord, mergeSteps, type RecordedStep } from '../../core/step-records/recorded-steps.js'
import type { StepRecordStore } from '../../store/step-record-store.js'
import type { Store } from '../../store/store.js'
import { type Caller, scopedId } from '../access/context-access.js'
import { ANONYMOUS } from '../access/tokens.js'
import { FLUSH_MS, type Recorder } from '../decisions/recorder.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'

/** Characters of answers normalised in one turn: about 1 ms at most, if all are numbers. */
const TURN_CHARACTERS = 16 * 1024

/** The steps of an outcome: all, some or none were recorded, where it came without them; `lacking`: it came without some of them. */
type JoinResult = 'complete' | 'incomplete' | 'none' | 'lacking'

interface JoinServices {
  readonly store: Pick<Store, 'kind'> & { readonly stepRecords: Pick<StepRecordStore, 'read'> }
  readonly snapshotHolder: Pick<SnapshotHolder, 'snapshot'>
  readonly recorder: Pick<Recorder, 'flush'>
}

interface JoinedOutcome { readonly entry: LoggedOutcome, readonly result?: JoinResult }

/**
 * Grades outcomes for the log, and compares those that may be control with the recorded steps. Outcomes without steps get the recorded
 * ones: if another replica may still hold steps or probes of some, it waits once for all of them together. Outcomes that lack some of
 * their steps are incomplete.
 * @throws StoreUnavailableError
 */
export async function joinRecords (
  { store, snapshotHolder, recorder }: JoinServices, salt: string, outcomes: readonly ReportedOutcome[], caller?: Caller
): Promise<JoinedOutcome[]> {
  const snapshot = snapshotHolder.snapshot()
  const by = caller === undefined || caller.tokenName === ANONYMOUS ? {} : { by: caller.tokenName }
  const normalise = await normaliseInTurns(outcomes)
  const graded = outcomes.map((outcome) =>
    ({ ...gradeOutcome(salt, outcome, normalise), generation_id: scopedId(caller, outcome.generation_id), ...by }))
  const joined: JoinedOutcome[] = graded.map((entry, i) => checked(entry, outcomes[i]!, []))
  const missing = new Set<number>() // indices of outcomes for which another replica may still hold steps

  async function joinAt (places: readonly number[]): Promise<void> {
    const records = await store.stepRecords.read(places.map((i) => graded[i]!.generation_id))
    for (const i of places) {
      const outcome = outcomes[i]!
      const entry = graded[i]!
      const steps = mergeSteps(records.get(entry.generation_id) ?? [])
      if (outcome.steps !== undefined) {
        joined[i] = checked(entry, outcome, steps)
        continue
      }
      missing.delete(i)
      if (steps.length === 0 && outcome.steps_asked !== 0) {
        joined[i] = { entry, result: 'none' }
        if (outcome.arm === 'control') missing.add(i)
        continue
      }
      const rule = ruleFor(snapshot, outcome.context)
      const isComplete = isRecordComplete(rule, outcome, steps)
      if (!isComplete || !isRecordProbed(rule, outcome, steps)) missing.add(i)
      const asked = withProbeCosts(outcome, joinRecord(salt, outcome, steps, normalise))
      joined[i] = {
        entry: { ...entry, ...asked, steps_complete: entry.steps_complete && isComplete },
        result: isComplete ? 'complete' : 'incomplete',
      }
    }
  }

  const recorded = [...outcomes.keys()].filter((i) => {
    const { recordSteps, mode } = ruleFor(snapshot, outcomes[i]!.context)
    return recordSteps && mode !== 'off' && mayBeControl(outcomes[i]!)
  })
  if (recorded.length === 0) return joined
  await recorder.flush()
  await joinAt(recorded)
  if (missing.size > 0 && store.kind === 'redis') { // an embedded store has only this replica
    await setTimeout(2 * FLUSH_MS)
    await joinAt([...missing])
  }
  return joined
}

/** Normalises all texts that grading will need, in turns, so that decisions are answered in between. */
async function normaliseInTurns (outcomes: readonly ReportedOutcome[]): Promise<Normalise> {
  const normalise = rememberingNormaliser()
  let characters = 0
  for (const outcome of outcomes) {
    for (const text of textsOf(outcome)) {
      normalise(text)
      if ((characters += text.length) < TURN_CHARACTERS) continue
      characters = 0
      await setImmediate()
    }
  }
  return normalise
}

function mayBeControl ({ stopped, arm, retry_of: retried }: ReportedOutcome): boolean {
  return stopped !== true && arm !== 'treated' && retried === undefined
}

/** An outcome that came with steps, incomplete if it lacks any that were recorded or counted. */
function checked (entry: LoggedOutcome, outcome: ReportedOutcome, recorded: readonly RecordedStep[]): JoinedOutcome {
  const { steps } = outcome
  if (steps === undefined || !mayBeControl(outcome) || holdsEveryStep(steps, outcome, recorded)) return { entry }
  return { entry: { ...entry, steps_complete: false }, result: 'lacking' }
}
