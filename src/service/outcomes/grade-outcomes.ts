import { setImmediate } from 'node:timers/promises'
import {
  gradeOutcome, type LoggedOutcome, type Normalise, rememberingNormaliser, type ReportedOutcome, textsOf,
} from '../../core/outcome/index.js'
import { type Caller, scopedId } from '../access/context-access.js'
import { ANONYMOUS } from '../access/tokens.js'

/** Characters of answers normalised in one turn: about 1 ms at most, if all are numbers. */
const TURN_CHARACTERS = 16 * 1024

/** Grades outcomes for the log, in turns. Their ids are scoped to the tenant of the caller. */
export async function gradeOutcomes (salt: string, outcomes: readonly ReportedOutcome[], caller?: Caller): Promise<LoggedOutcome[]> {
  const by = caller === undefined || caller.tokenName === ANONYMOUS ? {} : { by: caller.tokenName }
  const normalise = await normaliseInTurns(outcomes)
  return outcomes.map((outcome) =>
    ({ ...gradeOutcome(salt, outcome, normalise), generation_id: scopedId(caller, outcome.generation_id), ...by }))
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
