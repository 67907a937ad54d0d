import type { LabelReport } from '../../../openapi/outcome-schemas.js'
import { answerDigest } from '../../core/outcome/exact-match.js'
import type { LabelEntry } from '../../core/reducer/log-entry.js'
import { at, InvalidLabelError, OutcomeNotFoundError } from '../../errors/errors.js'
import { StoreUnavailableError } from '../../store/store-errors.js'
import type { Store } from '../../store/store.js'
import { type Reporter, scopedId, spendReportQuota } from '../access/context-access.js'
import type { DecisionLog } from '../decision-log/decision-log.js'
import type { Metrics } from '../metrics/metrics.js'
import type { SnapshotHolder } from '../snapshot/snapshot-holder.js'
import type { Accepted } from './accept-outcomes.js'

interface LabelServices {
  readonly store: Pick<Store, 'append'>
  readonly snapshotHolder: Pick<SnapshotHolder, 'snapshot'>
  readonly decisionLog: Pick<DecisionLog, 'labelled'>
  readonly metrics: Pick<Metrics, 'labels' | 'reports' | 'limited'>
}

/**
 * Stores the label of an outcome durably, within the quota of the caller's token, and counts it by result.
 * @throws InvalidLabelError, OutcomeNotFoundError, TooManyOutcomesError; StoreUnavailableError: send it again
 */
export async function acceptLabel (
  services: LabelServices, generationId: string, label: LabelReport, reporter: Reporter): Promise<Accepted> {
  const { metrics } = services
  const [isNew] = await spendReportQuota(reporter, 'label', 1, metrics, async () => [await storeLabel(services, generationId, label, reporter)])
  metrics.labels.inc({ result: isNew ? 'accepted' : 'duplicate' })
  return { accepted: isNew ? 1 : 0, duplicates: isNew ? 0 : 1 }
}

/** Counts a label that was refused, by the code of its error. */
export function countRefusedLabel ({ metrics }: Pick<LabelServices, 'metrics'>, code: string): void {
  metrics.labels.inc({ result: RESULTS[code] ?? 'rejected' })
}

const RESULTS: Readonly<Record<string, string>> = {
  OUTCOME_NOT_FOUND: 'unknown', STORE_UNAVAILABLE: 'unavailable', LOG_FULL: 'unavailable', TOO_MANY_OUTCOMES: 'limited',
}

/** @returns whether the label is new */
async function storeLabel (services: LabelServices, generationId: string, label: LabelReport, reporter: Reporter): Promise<boolean> {
  const { store, snapshotHolder, decisionLog } = services
  const { salt } = snapshotHolder.snapshot()
  if (label.em === undefined && label.reference === undefined) throw at('/em', new InvalidLabelError('send em (1 right, 0 wrong) or a reference'))
  if (salt === null) throw new StoreUnavailableError('this replica has not reached the store yet')
  const entry = labelEntry(salt, scopedId(reporter, generationId), label)
  const [result] = await store.append([entry])
  if (result === 'unknown') throw new OutcomeNotFoundError(generationId)
  if (result === 'unanswered') {
    throw at('/answer', new InvalidLabelError('the outcome has no answer that the reference could grade: send em, or send the answer with the reference'))
  }
  if (result === 'accepted') decisionLog.labelled(generationId, entry)
  return result === 'accepted'
}

/** A label as the log holds it, with digests in place of answers. */
function labelEntry (
  salt: string, generation_id: string, { em, answer, reference, stopped_probe_em: probeEm, steps }: LabelReport): LabelEntry {
  const references = typeof reference === 'string' ? [reference] : reference
  return {
    type: 'label',
    generation_id,
    ...(em !== undefined && { em }),
    ...(answer !== undefined && { answer: answerDigest(salt, answer) }),
    ...(references !== undefined && { references: references.map((text) => answerDigest(salt, text)) }),
    ...(probeEm !== undefined && { stopped_probe_em: probeEm }),
    ...(steps !== undefined && { steps }),
  }
}
