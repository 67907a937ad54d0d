import type { Static } from '#typebox'
import type { ReceiptSchema } from '../../openapi/outcome-schemas.js'
import { ruleFor, type Rule } from '../core/decide/snapshot.js'
import type { LoggedOutcome, ReportedOutcome } from '../core/grading/outcome.js'
import type { OutcomeWarning } from '../core/judgement/context-warnings.js'
import { unitsBy } from '../core/learn/units-of-outcome.js'
import { certifyingKey } from '../core/policy/certifying-link.js'
import { contextKey, type Levels } from '../core/policy/context.js'
import { effectivePolicy, type Policy } from '../core/policy/policy.js'
import type { Model } from '../replica/model.js'

/** What the reply says about one outcome. */
export type OutcomeReceipt = Readonly<Static<typeof ReceiptSchema>>

/** @param entry the outcome as it is logged, with the recorded steps */
export function outcomeReceipt (model: Model, outcome: ReportedOutcome, entry: LoggedOutcome): OutcomeReceipt {
  const rule = ruleFor(model.snapshot, outcome.context)
  const warnings = warningsFor(outcome, entry, rule, model.snapshot.levels)
  return { label_wanted: isLabelWanted(model, entry, rule), ...(warnings.length > 0 && { warnings }) }
}

function warningsFor (
  outcome: ReportedOutcome, { steps }: LoggedOutcome, { enrolledShare, warnings: ofContext }: Rule, levels: Levels
): readonly OutcomeWarning[] {
  const { arm, stopped, cancelled, group_id: group, samples, context } = outcome
  const warnings: OutcomeWarning[] = []
  if (arm === undefined && stopped !== true) warnings.push('arm_missing')
  if (group !== undefined && samples === undefined && enrolledShare > 0) warnings.push('samples_missing')
  if (context === undefined && levels.length > 0) warnings.push('context_missing')
  if (arm === 'control' && steps === null && stopped !== true && cancelled !== true) warnings.push('steps_missing')
  if (isAnswerLong(outcome)) warnings.push('answer_long')
  return warnings.length === 0 ? ofContext : [...warnings, ...ofContext]
}

/** An answer that is this much longer than its longest reference can hardly match it, as where it was not extracted from a sentence. */
const LONGER_TIMES = 2
const LONGER_CHARACTERS = 8

/** Whether the service grades an answer that is much longer than every reference. */
function isAnswerLong ({ em, answer, reference }: ReportedOutcome): boolean {
  if (em !== undefined || answer === undefined || reference === undefined) return false
  const longest = typeof reference === 'string' ? reference.length : Math.max(...reference.map((text) => text.length))
  return answer.length > LONGER_TIMES * longest + LONGER_CHARACTERS
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
