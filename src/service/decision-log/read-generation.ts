import type { Generation } from '../../../openapi/generation-schemas.js'
import { isoTime } from '../../../openapi/wire.js'
import { wouldStop } from '../../core/decide/index.js'
import { ROOT } from '../../core/policy/index.js'
import { GenerationNotFoundError } from '../../errors/errors.js'
import type { Store } from '../../store/store.js'
import { allowedPrefix, type Caller, scopedId } from '../access/context-access.js'
import type { DecisionLog } from './decision-log.js'
import { type DecisionEvent, decodeEvent, type LabelEvent, type LoggedEvent, type OutcomeEvent } from './logged-event.js'

interface ReadServices {
  readonly store: Pick<Store, 'events'>
  readonly decisionLog: Pick<DecisionLog, 'flush'>
}

/**
 * Reads a generation from the decision log.
 * @param prefix of the token that reported it; absent: of the caller's own
 * @throws ForbiddenError, GenerationNotFoundError, StoreUnavailableError
 */
export async function readGeneration (
  { store, decisionLog }: ReadServices, id: string, prefix: string | undefined, caller: Caller): Promise<Generation> {
  const allowed = allowedPrefix(caller, prefix)
  const stored = scopedId({ tokenName: caller.tokenName, tokenPrefix: allowed === ROOT ? null : allowed }, id)
  await decisionLog.flush()
  const texts = (await store.events.read([stored])).get(stored) ?? []
  const generation = generationOf(id, texts.map(decodeEvent))
  if (generation === null) throw new GenerationNotFoundError(id)
  return generation
}

/**
 * @param events in any order, since several replicas write them; `null`: damaged
 * @returns `null` if there is neither a decision nor an outcome
 */
export function generationOf (id: string, events: ReadonlyArray<LoggedEvent | null>): Generation | null {
  const inOrder = events.filter((event) => event !== null).sort((a, b) => a.at - b.at)
  const decisions = inOrder.filter((event) => event.event === 'decision')
  const outcome = inOrder.findLast((event) => event.event === 'outcome')
  const label = inOrder.findLast((event) => event.event === 'label')
  const last = outcome ?? decisions.at(-1)
  if (last === undefined) return null
  return {
    generation_id: id,
    context: last.context,
    arm: last.arm ?? decisions.at(-1)?.arm ?? null,
    enrolled: decisions.some(({ enrolled }) => enrolled === true),
    steps: decisions.map(stepOf),
    ...(outcome !== undefined && { outcome: outcomeOf(outcome, label) }),
  }
}

function stepOf ({ event: _, at, context: _own, arm: _arm, enrolled: _enrolled, ...decision }: DecisionEvent): Generation['steps'][number] {
  const action = decision.reason === 'score_at_threshold' ? 'stop' : 'continue'
  return { at: isoTime(at), ...decision, action, would_stop: wouldStop(decision.reason) }
}

function outcomeOf ({ at, tokens, stopped, cancelled, em, answer_digest: digest }: OutcomeEvent, label: LabelEvent | undefined) {
  const right = em ?? labelledEm(digest, label)
  return { at: isoTime(at), tokens, stopped, cancelled, em: right, ...(digest !== undefined && { answer_digest: digest }) }
}

/** A label states Exact Match, or has the digests of the answers that are right. */
export function labelledEm (outcomeDigest: string | undefined, label: LabelEvent | undefined): 0 | 1 | null {
  const digest = label?.answer_digest ?? outcomeDigest
  if (label?.em !== undefined) return label.em
  if (label?.reference_digests === undefined || digest === undefined) return null
  return label.reference_digests.includes(digest) ? 1 : 0
}
