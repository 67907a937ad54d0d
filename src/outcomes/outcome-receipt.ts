import { ruleFor, type Rule } from '../core/decide/snapshot.js'
import type { LoggedOutcome, ReportedOutcome } from '../core/grading/outcome.js'
import type { OutcomeWarning } from '../core/judgement/context-warnings.js'
import { unitsBy } from '../core/learn/units-of-outcome.js'
import { certifyingKey } from '../core/policy/certifying-link.js'
import { contextKey } from '../core/policy/context.js'
import { effectivePolicy, type Policy } from '../core/policy/policy.js'
import type { Model } from '../replica/model.js'

/** What the reply says about one outcome. */
export interface OutcomeReceipt {
  /** Whether a label could still change what the outcome counts as. */
  readonly label_wanted: boolean
  /** Absent: none. */
  readonly warnings?: readonly OutcomeWarning[]
}

/** @param entry the outcome as it is logged, with the recorded steps */
export function outcomeReceipt (model: Model, outcome: ReportedOutcome, entry: LoggedOutcome): OutcomeReceipt {
  const rule = ruleFor(model.snapshot, outcome.context)
  const warnings = warningsFor(outcome, rule)
  return { label_wanted: isLabelWanted(model, entry, rule), ...(warnings.length > 0 && { warnings }) }
}

function warningsFor (
  { arm, stopped, group_id: group, samples }: ReportedOutcome, { enrolledShare, warnings: ofContext }: Rule
): readonly OutcomeWarning[] {
  const warnings: OutcomeWarning[] = []
  if (arm === undefined && stopped !== true) warnings.push('arm_missing')
  if (group !== undefined && samples === undefined && enrolledShare > 0) warnings.push('samples_missing')
  return warnings.length === 0 ? ofContext : [...warnings, ...ofContext]
}

function isLabelWanted (model: Model, entry: LoggedOutcome, { controlShare: share, enrolledShare, trials }: Rule): boolean {
  const { u, hash, arm, stopped, cancelled, steps, steps_complete: isComplete, full } = entry
  const isControl = arm === null ? u < share : arm === 'control'
  if (full.exact_match !== undefined || !isControl || stopped || cancelled === true) return false
  if (u >= 2 * share || hash >= enrolledShare || steps === null || !isComplete) return false
  return unitsBy(entry, policyFor(model, entry), trials.map((scorer, i) => ({ ordinal: i + 1, scorer }))).isLabelWanted
}

/** The policy by which the context counts evidence, or its pool. */
function policyFor ({ snapshot: { levels }, inputs, links }: Model, { context }: LoggedOutcome): Policy {
  const policyAt = (key: string): Policy => links.get(key)?.policy ?? effectivePolicy(inputs.defaultPolicy, inputs.policies, key)
  const leaf = contextKey(levels, context)
  const own = policyAt(leaf)
  return own.certify_at === null ? own : policyAt(certifyingKey(levels, own.certify_at, leaf))
}
