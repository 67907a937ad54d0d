import { type EnrolledUnit, isEvidence, noteIndex, type SampleReport } from '../evidence/enrolled-unit.js'
import { countUnlabelled } from '../evidence/labels.js'
import { countReport, countUnits } from '../evidence/reports.js'
import { MAX_SAMPLES } from '../outcome/outcome.js'
import { watchControl } from './apply-fidelity.js'
import { cohortRules, type RulesOfContext } from './cohort-rules.js'
import { type ContextState, withSlices } from './context-state.js'
import { takeSavings } from './count-savings.js'
import type { Fold } from './fold.js'
import { awaitLabel, keepKnown } from './kept-samples.js'
import type { PendingOutcome } from './pending-outcomes.js'
import { unitOfOutcome } from './units-of-outcome.js'

/**
 * Accounts for one sample of an enrolled member, as far as its label allows.
 * @param state of the context that gathers the evidence, as stored
 * @returns the state stored last
 */
export function takeReport (fold: Fold, pending: PendingOutcome, member: EnrolledUnit, state: ContextState, time: number): ContextState {
  const { outcome, leaf, key } = pending
  const { sample_index: index } = outcome
  if (outcome.by_prompt === true) {
    if (outcome.hash !== member.hash) return state // another generation enrolled the prompt
    member.byPrompt = true
  }
  const isTooMany = member.reported >= MAX_SAMPLES
  if (!isTooMany && index !== null && index >= 0 && !noteIndex(member, index)) return state
  if (leaf !== key) member.leaf ??= leaf
  const cohort = fold.cohorts.of(key, state.epoch.name)
  const rules = cohortRules(fold, key, state)
  const { policy } = rules
  const { report, unit }: Reported = isTooMany ? MISSING : reportOf(fold, pending, state, rules)
  if (report.kind === 'awaits_label') awaitLabel(fold, pending, state, policy)
  cohort.report(member, report, index === null ? 1 : outcome.samples ?? null, fold.cohorts.clock, rules)
  if (!isEvidence(member)) return state
  if (report.kind === 'known') keepKnown(fold, pending, state, policy)
  takeSavings(fold, pending, member, report.kind === 'known' ? report.unit : null, state, time)

  const isReported = report.kind !== 'missing' && report.kind !== 'cancelled'
  const counted = fold.get(key)!
  const { guards, reports, labels } = counted
  const next = withSlices(counted, {
    guards: isReported ? watchControl(fold, time, pending, guards, { share: member.share, unit }) : guards,
    reports: countReport(reports, report.kind, outcome, time),
    labels: isReported ? countUnlabelled(labels, outcome, policy) : labels,
  })
  fold.set(key, next)
  return next
}

/** A report, and its unit as far as it is known: the worst case where it needs a label. */
interface Reported { readonly report: SampleReport, readonly unit: ReturnType<typeof unitOfOutcome>['unit'] }

const CANCELLED: Reported = { report: { kind: 'cancelled' }, unit: null }
const MISSING: Reported = { report: { kind: 'missing' }, unit: null }

function reportOf (fold: Fold, { outcome, leaf, key }: PendingOutcome, state: ContextState, { policy }: RulesOfContext): Reported {
  if (outcome.cancelled === true) return CANCELLED
  if (outcome.stopped || outcome.arm === 'treated' || outcome.steps === null || !outcome.steps_complete) return MISSING
  const { unit, isLabelWanted } = unitOfOutcome(outcome, leaf, policy, state, fold.predictors)
  if (!isLabelWanted) return { report: { kind: 'known', unit }, unit }
  const { hasRoomForLabel: isAwaited } = fold.cohorts.of(key, state.epoch.name)
  return { report: isAwaited ? { kind: 'awaits_label', generation_id: outcome.generation_id } : { kind: 'at_worst', unit }, unit }
}

/** Counts units in the reports of a context. @returns its state, as stored */
export function countIn (fold: Fold, key: string, more: Parameters<typeof countUnits>[1]): ContextState {
  const state = fold.get(key)!
  const next = withSlices(state, { reports: countUnits(state.reports, more) })
  fold.set(key, next)
  return next
}
