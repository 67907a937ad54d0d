import { grossSavedRatio, tokensSavedRatio } from '../stats/evidence.js'
import { isBreached } from '../guards/breach.js'
import { DRIFT } from '../guards/drift.js'
import { BREACH } from '../guards/fidelity.js'
import { type ContextWarning, EVIDENCE_WARNINGS } from '../decide/warnings.js'
import type { LoadedContexts } from '../learn/chain-link.js'
import { contextWarnings } from '../learn/context-warnings.js'
import { controlShareInForce } from '../learn/effective-threshold.js'
import { probeOverhead } from '../stats/probe-spending.js'
import { generationsPerHour } from '../stats/savings.js'
import { depthOf, isCertifying } from '../policy/context.js'
import { type ContextFacts, type DropEstimate, dropOf, factsOf } from './context-facts.js'
import { describePin, describePool, describeSavings } from './context-report.js'
import { untilNext } from './threshold-rows.js'

/** Alarms for operators: thresholds withdrawn, suspicions, and problems with reports. */
export const ALARMS = [
  'drift', 'breach', 'left_pool', 'large_loss', 'drift_suspected', 'breach_suspected', 'outcomes_missing',
  'fidelity_low', 'suspended', 'arms_differ', 'tokens_lost', 'labels_missing', 'score_unavailable', ...EVIDENCE_WARNINGS,
] as const
/** EM drop from whose lower limit on a context has an alarm whatever its policy allows: a bound may be a slip. */
const LARGE_LOSS = 0.05
export type Alarm = typeof ALARMS[number]
/** Fails to compile if a warning of contexts is missing above. */
type AlarmOf<W extends ContextWarning> = W extends Alarm ? W : never

/** The columns by which rows can be sorted. */
export const ROW_ORDERS = ['key', 'status', 'threshold', 'em_drop', 'tokens_saved', 'control_generations', 'generations_per_hour', 'updated_at'] as const
export type RowOrder = typeof ROW_ORDERS[number]

type ReadRow = ReturnType<typeof describeRow>

/** Figures that are unknown until the context has been read. */
type UnreadFigure = 'control_generations' | 'treated_generations' | 'updated_at'

export type ContextRow = Omit<ReadRow, UnreadFigure> & { readonly [F in UnreadFigure]: ReadRow[F] | null }

/**
 * Describes a context as a row of a table of thousands. Ratios and EM are fractions, times are in ms.
 * @param now ms
 */
export function describeRow (loaded: LoadedContexts, key: string, now: number) {
  const facts = factsOf(loaded, key)
  const { state, own, effective, status, isGathering, scored, shown: { generations, evidence, index } } = facts
  const { epoch: { started_at: startedAt }, savings: { spending } } = state
  const pool = describePool(facts)
  const drop = dropOf(facts)
  return {
    key,
    /** Whether generations run in it; otherwise it shows sums, or is a pool. */
    is_leaf: depthOf(key) === loaded.levels.length,
    /** Whether evidence is gathered here: a leaf of its own, or a pool. */
    is_certifying: isCertifying(loaded.levels, own.policy.certify_at, key),
    pool,
    status,
    mode: own.policy.mode,
    is_pinned: own.pin !== undefined,
    pinned_at: describePin(facts)?.at ?? null,
    threshold: effective.threshold,
    scope: effective.scope,
    em_drop: drop?.drop ?? null,
    em_drop_low: drop?.low ?? null,
    em_drop_high: drop?.high ?? null,
    max_em_drop: own.policy.max_em_drop,
    ...describeSavings(state.savings),
    probe_tokens: state.savings.probe_tokens,
    tokens_saved_ratio: index === -1 ? null : tokensSavedRatio(evidence, index),
    tokens_saved_gross_ratio: index === -1 ? null : grossSavedRatio(evidence, index),
    probe_overhead: probeOverhead(spending),
    control_share: isGathering ? controlShareInForce(effective) : null,
    /** Tokens of a generation of either arm, of the last thousand or two. */
    tokens_mean: spending.all.generations === 0 ? 0 : spending.all.tokens / spending.all.generations,
    control_generations: generations,
    treated_generations: state.reports.treated,
    generations_per_hour: generationsPerHour(state.savings.day, now),
    generations_to_next_certificate: untilNext(scored, own.policy),
    alarms: alarmsOf(facts, drop),
    /** When drift or a breach withdrew its threshold, or it left its pool; `null`: neither holds. */
    withdrawn_at: pool === null ? (status === 'drifted' ? startedAt : null) : pool.left_at,
    updated_at: state.reports.updated_at,
  }
}

function alarmsOf ({ state, own, status, isMember, isGone }: ContextFacts, drop: DropEstimate | null): Alarm[] {
  const { epoch: { cause }, guards: { drift, fidelity } } = state
  const alarms: Alarm[] = []
  if (isGone) alarms.push('left_pool')
  else if (status === 'drifted' && !isMember) alarms.push(cause === 'breach' ? 'breach' : 'drift')
  else if (isBreached(fidelity)) alarms.push('breach')
  if (drop !== null && drop.low > LARGE_LOSS) alarms.push('large_loss')
  if (DRIFT.isSuspected(drift)) alarms.push('drift_suspected')
  if (BREACH.isSuspected(fidelity.detector) && !alarms.includes('breach')) alarms.push('breach_suspected')
  return [...alarms, ...contextWarnings(state, own.policy) satisfies ReadonlyArray<AlarmOf<ContextWarning>>]
}
