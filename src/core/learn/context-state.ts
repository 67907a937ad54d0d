import { type GatheredEvidence, isUnseen, newGathered } from '../evidence/gathered-evidence.js'
import { type Labels, NO_LABELS } from '../evidence/labels.js'
import { type Membership, membershipAfter } from '../evidence/membership.js'
import { newReports, type Reports } from '../evidence/reports.js'
import { type Guards, guardsAfter, NO_GUARDS } from '../guards/guards.js'
import { type ContextSavings, noSavings } from '../stats/context-savings.js'
import { type Epoch, isContinuing, nextEpoch, type Opening, thresholdsOfScore, withRequested } from './epoch.js'
import { type LearnedRule, newRule } from './learned-rule.js'
import { NO_PROBES, type Probes, probesAfter } from './probes.js'
import { checkpointAfter, type ServedCheckpoint } from './served-checkpoint.js'

/**
 * All that is learned about a context, in slices that each have an owner, which has the slice's type, its first value, its folds and its
 * stored form. Only the learner writes it; times are the log's, in ms.
 */
export interface ContextState {
  readonly epoch: Epoch
  readonly evidence: GatheredEvidence
  readonly guards: Guards
  readonly reports: Reports
  readonly rule: LearnedRule
  readonly labels: Labels
  readonly savings: ContextSavings
  readonly probes: Probes
  /** A pool member's own evidence. Absent before there is any. */
  readonly membership?: Membership | undefined
  /** Absent where no training run names the context; `null` after a reset, until a run names it again. */
  readonly checkpoint?: ServedCheckpoint | null | undefined
}

/** A new epoch, with nothing of the last one's evidence. @param last absent for a new context */
export function openEpoch (last: ContextState | undefined, opening: Opening): ContextState {
  const { cause, policy, time } = opening
  return {
    epoch: nextEpoch(last?.epoch.number ?? 0, last && endedEpoch(last), opening),
    evidence: newGathered(thresholdsOfScore(opening), policy),
    guards: last === undefined ? NO_GUARDS : guardsAfter(last.guards),
    reports: newReports(isContinuing(cause) ? last?.reports : undefined, time),
    rule: newRule(policy),
    labels: NO_LABELS,
    savings: last?.savings ?? noSavings(time),
    probes: last === undefined ? NO_PROBES : probesAfter(last.probes, cause),
    membership: membershipAfter(last?.membership),
    checkpoint: last === undefined ? undefined : checkpointAfter(last.checkpoint, cause),
  }
}

/**
 * A state with some of its slices replaced. Written out for the states of every outcome: a spread of ten fields takes ten times as long.
 * @param slices those that every context has
 */
export function withSlices (state: ContextState, slices: Partial<Omit<ContextState, 'membership' | 'checkpoint'>>): ContextState {
  return {
    epoch: slices.epoch ?? state.epoch,
    evidence: slices.evidence ?? state.evidence,
    guards: slices.guards ?? state.guards,
    reports: slices.reports ?? state.reports,
    rule: slices.rule ?? state.rule,
    labels: slices.labels ?? state.labels,
    savings: slices.savings ?? state.savings,
    probes: slices.probes ?? state.probes,
    membership: state.membership,
    checkpoint: state.checkpoint,
  }
}

/** Whether an alarm withdrew the threshold, and none has been in force since. */
export function isWithdrawn ({ epoch: { cause }, rule }: ContextState): boolean {
  return (cause === 'drift' || cause === 'breach') && !rule.was_in_force
}

/** The part of a state that the looks of the next epoch depend on. */
export function endedEpoch ({ epoch: { looks, requested: { error_level } }, rule, reports: { follow_up } }: ContextState) {
  const { reported, accounted, missing } = follow_up
  return { looks, error_level, is_served: rule.index !== -1, is_reported: reported + accounted + missing > 0, units: accounted + missing }
}

/** A state under another requested guarantee. Before any evidence, a changed request is as good as the first; later it is post hoc. */
export function requestGuarantee (state: ContextState, policy: Epoch['requested']): ContextState {
  if (endedEpoch(state).is_reported || !isUnseen(state.evidence)) return state
  return { ...state, epoch: withRequested(state.epoch, policy) }
}
