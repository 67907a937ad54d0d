import { DRIFT_SUSPECTED, suspicion } from '../certificate/drift.js'
import type { LoadedContexts } from '../contexts/chain-link.js'
import type { ContextWarning } from '../contexts/context-warnings.js'
import { EVIDENCE_WARNINGS } from '../contexts/evidence-checks.js'
import { depthOf, isCertifying } from '../policy/context.js'
import { type ContextView, describeContext } from './context-report.js'

/** Alarms for operators: thresholds withdrawn, suspicions, and problems with reports. */
export const ALARMS = [
  'drift', 'breach', 'left_pool', 'large_loss', 'drift_suspected', 'breach_suspected', 'outcomes_missing', 'outcomes_not_enrolled', 'no_net_savings', 'signals_refused',
  'breach_held', 'fidelity_low', 'stopped_probe_missing', 'arms_differ', 'tokens_lost', 'labels_never_given',
  'score_unavailable', 'certificate_unlikely', ...EVIDENCE_WARNINGS,
] as const
/** EM drop from whose lower limit on a context has an alarm whatever its policy allows: a bound may be a slip. */
export const LARGE_LOSS = 0.05
export type Alarm = typeof ALARMS[number]
/** Fails to compile if a warning of contexts is missing above. */
type AlarmOf<W extends ContextWarning> = W extends Alarm ? W : never

/** The columns by which rows can be sorted. */
export const ROW_ORDERS = ['key', 'status', 'threshold', 'em_drop', 'tokens_saved', 'control_generations', 'changed_at'] as const
export type RowOrder = typeof ROW_ORDERS[number]

export type ContextRow = ReturnType<typeof describeRow>

/**
 * Describes a context as a row of a table of thousands. Ratios and EM are fractions, times are in ms.
 * @param movedAt when its threshold last moved, ms; 0: unknown, since a state knows only when its epoch began
 */
export function describeRow (loaded: LoadedContexts, key: string, movedAt = 0) {
  const view = describeContext(loaded, key)
  const { levels, states } = loaded
  const { pool } = view
  const { epoch_started_at: startedAt, spending } = states.get(key)!
  return {
    key,
    /** Whether generations run in it; otherwise it shows sums, or is a pool. */
    is_leaf: depthOf(key) === levels.length,
    /** Whether evidence is gathered here: a leaf of its own, or a pool. */
    is_certifying: isCertifying(levels, view.policy.certify_at, key),
    pool,
    status: view.status,
    mode: view.mode,
    is_pinned: view.pin !== null,
    pinned_at: view.pinned_at,
    threshold: view.threshold,
    scope: view.scope,
    em_drop: view.em_drop,
    em_drop_low: view.em_drop_low,
    em_drop_high: view.em_drop_high,
    max_em_drop: view.policy.max_em_drop,
    tokens_saved: view.tokens_saved,
    tokens_saved_low: view.tokens_saved_low,
    tokens_saved_high: view.tokens_saved_high,
    tokens_saved_gross: view.tokens_saved_gross,
    probe_tokens: view.probe_tokens,
    tokens_saved_ratio: view.tokens_saved_ratio,
    tokens_saved_gross_ratio: view.tokens_saved_gross_ratio,
    probe_overhead: view.probe_overhead,
    control_share: view.control_share,
    /** Tokens of a generation of either arm, of the last thousand or two. */
    tokens_mean: spending.all.generations === 0 ? 0 : spending.all.tokens / spending.all.generations,
    control_generations: view.control_generations,
    treated_generations: view.treated_generations,
    generations_to_next_certificate: view.generations_to_next_certificate,
    alarms: alarmsOf(loaded, view),
    /** When drift or a breach withdrew its threshold, or it left its pool; `null`: neither holds. */
    withdrawn_at: pool === null ? (view.status === 'drifted' ? startedAt : null) : pool.left_at,
    /** When its threshold or epoch last changed. */
    changed_at: Math.max(movedAt, startedAt, pool?.left_at ?? 0),
    updated_at: view.updated_at,
  }
}

function alarmsOf ({ states }: LoadedContexts, { key, status, pool, breach, warnings, em_drop_low: low }: ContextView): Alarm[] {
  const { epoch_cause: cause, drift } = states.get(key)!
  const alarms: Alarm[] = []
  if (pool !== null && pool.left_at !== null) alarms.push('left_pool')
  else if (status === 'drifted' && pool === null) alarms.push(cause === 'breach' ? 'breach' : 'drift')
  else if (breach.breached) alarms.push('breach')
  if (low !== null && low > LARGE_LOSS) alarms.push('large_loss')
  if (suspicion(drift) >= DRIFT_SUSPECTED) alarms.push('drift_suspected')
  if (breach.suspected && !alarms.includes('breach')) alarms.push('breach_suspected')
  return [...alarms, ...warnings satisfies ReadonlyArray<AlarmOf<ContextWarning>>]
}
