import type { Label } from '../../openapi/label-schemas.js'
import { answerDigest } from '../core/grading/answer-digest.js'
import type { LabelEntry } from '../core/learn/log-entry.js'
import { at, InvalidLabelError, LabelTooLateError, OutcomeNotFoundError } from '../errors/errors.js'
import { scopedId } from '../access/scoped-id.js'
import type { Caller } from '../access/context-access.js'
import type { Store } from '../store/store.js'
import { StoreUnavailableError } from '../store/store-errors.js'

/**
 * Stores a label for an outcome that waits for one; resolves once it is durable.
 * @param waitSeconds LABEL_WAIT_SECONDS, for the message
 * @param caller whose the outcome is; absent: anybody's
 * @returns whether it is new
 * @throws InvalidLabelError, OutcomeNotFoundError, LabelTooLateError; StoreUnavailableError: send it again
 */
export async function reportLabel (
  store: Store, salt: string | null, generationId: string, given: Label, waitSeconds: number, caller?: Caller
): Promise<boolean> {
  if (given.em === undefined && given.reference === undefined) throw at('/em', new InvalidLabelError('send em (1 right, 0 wrong) or a reference'))
  if (salt === null) throw new StoreUnavailableError('the store was not reached yet')
  const [result] = await store.append([labelEntry(salt, scopedId(caller, generationId), given)])
  if (result === 'unknown') throw new OutcomeNotFoundError(generationId)
  if (result === 'unanswered') {
    throw at('/answer', new InvalidLabelError('the outcome came without an answer for the reference to grade: send em, or the answer too'))
  }
  if (result === 'late') throw new LabelTooLateError(generationId, String(waitSeconds))
  return result === 'accepted'
}

/** A label as the log has it: answers by their digests. */
function labelEntry (salt: string, generation_id: string, { em, answer, reference, steps }: Label): LabelEntry {
  const references = typeof reference === 'string' ? [reference] : reference
  return {
    type: 'label',
    generation_id,
    ...(em !== undefined && { em }),
    ...(answer !== undefined && { answer: answerDigest(salt, answer) }),
    ...(references !== undefined && { references: references.map((text) => answerDigest(salt, text)) }),
    ...(steps !== undefined && { steps }),
  }
}
