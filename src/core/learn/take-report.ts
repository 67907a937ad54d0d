import type { CohortRules } from '../enrolment/account-for.js'
import type { Cohort } from '../enrolment/cohort.js'
import { MOST_SAMPLES, noteIndex, type Member, type SampleReport } from '../enrolment/member.js'
import type { ContextState } from '../judgement/context-state.js'
import { copyState } from '../judgement/copy-state.js'
import { countForToken } from '../judgement/evidence-by-token.js'
import { addCounts } from '../judgement/follow-up-counts.js'
import { predictorOf } from '../judgement/trial.js'
import type { Policy } from '../policy/policy.js'
import { scorerFor } from '../predictor/predictor.js'
import type { Pending } from '../recording/pending.js'
import { pruneSteps } from '../recording/prune-steps.js'
import { policyOf, type Fold } from './fold.js'
import { applySample } from './learn-sample.js'
import { applyTrace, isTraceKept } from './learn-trace.js'
import { unitsOfOutcome } from './units-of-outcome.js'

export interface Reporting { readonly cohort: Cohort, readonly member: Member, readonly rules: CohortRules, readonly time: number }

/**
 * Accounts for one sample of an enrolled member, as far as its label allows.
 * @param state of the context that gathers the evidence, as stored
 * @returns the state stored last
 */
export function takeReport (fold: Fold, pending: Pending, state: ContextState, { cohort, member, rules, time }: Reporting): ContextState {
  const { outcome, leaf, key } = pending
  const { sample_index: index } = outcome
  const isTooMany = member.reported >= MOST_SAMPLES
  if (!isTooMany && index !== null && index >= 0 && !noteIndex(member, index)) return state
  if (leaf !== key && member.arm === 'control') member.leaf ??= leaf
  const policy = policyOf(fold.ledger, key)
  const report: SampleReport = isTooMany ? { kind: 'missing' } : reportOf(fold, pending, { cohort, member }, state, policy)
  if (report.kind === 'awaits_label') fold.pending.set(isTraceKept(fold, outcome, state) ? pending : prune(fold, pending, state, policy))
  const samples = index === null ? 1 : outcome.samples ?? null
  cohort.report(member, report, samples, fold.cohorts.clock, rules)
  if (member.arm === 'treated') return state
  if (report.kind === 'known') {
    applySample(fold, outcome, leaf, policy)
    applyTrace(fold, outcome, key, state, policy)
  }
  const isLabelWanted = report.kind === 'awaits_label' || report.kind === 'at_worst'
  const counts = isLabelWanted ? { reported: 1, labels_wanted: 1 } : report.kind === 'known' ? { reported: 1 } : {}
  const counted = copyState(state, {
    follow_up: addCounts(state.follow_up, counts), fed_by: countForToken(state.fed_by, outcome.by), updated_at: time,
  })
  fold.set(key, counted)
  return counted
}

function reportOf (
  fold: Fold, { outcome, leaf }: Pending, { cohort, member }: Pick<Reporting, 'cohort' | 'member'>, state: ContextState, policy: Policy): SampleReport {
  const { tokens, generation_id } = outcome
  if (outcome.cancelled === true) return { kind: 'cancelled' }
  const isOther = member.arm === 'control' ? outcome.stopped || outcome.arm === 'treated' : outcome.arm === 'control'
  if (isOther) return { kind: 'missing' }
  if (member.arm === 'treated') {
    const em = outcome.full[policy.label] ?? null
    const isWanted = em === null && policy.label === 'exact_match' && cohort.hasRoomForLabel
    return isWanted ? { kind: 'awaits_label', generation_id, tokens } : { kind: 'known', units: new Map(), em, tokens }
  }
  if (outcome.steps === null || !outcome.steps_complete) return { kind: 'missing' }
  const { units, em, isLabelWanted } = unitsOfOutcome(outcome, leaf, policy, state, fold.predictors)
  if (!isLabelWanted) return { kind: 'known', units, em, tokens }
  return cohort.hasRoomForLabel ? { kind: 'awaits_label', generation_id, tokens } : { kind: 'at_worst', units, tokens }
}

/**
 * Drops the steps at which no threshold is crossed, which would fill the store while the outcome awaits its label. Use it only after the
 * enrolment: a predictor that is published before it may cross at other steps.
 */
function prune (fold: Fold, pending: Pending, { trials }: ContextState, { min_tokens: minTokens }: Policy): Pending {
  const { outcome, leaf } = pending
  const atLeaf = policyOf(fold.ledger, leaf)
  const scorers = trials.flatMap((trial) => predictorOf(trial, fold.predictors) ?? []).map((predictor) => scorerFor(predictor, leaf))
  const pruned = pruneSteps(outcome, { minTokens: [atLeaf.min_tokens, minTokens], scorers, isSampled: atLeaf.predictor === 'auto' })
  return { ...pending, outcome: pruned }
}
