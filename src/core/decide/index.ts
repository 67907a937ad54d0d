/**
 * The names of `decide` that others import, and the package exports as `stopgate/decide`. It loads policies and nothing else: no store, and
 * nothing of how rules are learned.
 */
export { type Arm, drawArm, isStopProbed, secondHash, uniform } from './arm.js'
export { type Bundle, BUNDLE_FORMAT, bundleOf, type BundleRule, snapshotOfBundle } from './bundle.js'
export {
  armOfDraw, decide, decideStep, type Decision, drawOf, type Freshness, isLeftAlone, isProbeDue, type Reason, REASONS, type StepDecision,
  wouldStop,
} from './decide.js'
export { type DrawnIn, enrolDraw, enrolledHash, type Enrolment, type EnrolmentSink } from './enrol-draw.js'
export { BUDGETS, GRID } from './grid.js'
export type { Guarantee } from './guarantee.js'
export { murmur3, textDigest } from './hash.js'
export {
  areSameForms, isWordless, PROBE_FORM_NAMES, PROBE_FORM_SUFFIXES, type ProbeForm, type ProbeFormFinding, type ProbeFormName, RETRIED_AFTER,
} from './probe-form.js'
export { ALL_LABELS, type ContextRule, type Scope } from './rule.js'
export { clampConfidence, MAX_TOKENS, nameOf, type ScoredBy, type Scorer, scoreOf, scoreStep } from './scorer.js'
export { ruleFor, type Snapshot, withoutStops } from './snapshot.js'
export type { Em, Step } from './step.js'
export {
  CONTEXT_PROBLEMS, CONTEXT_WARNINGS, CONTEXT_WARNINGS_TEXT, type ContextWarning, DECISION_WARNINGS, type DecisionWarning,
  isEvidenceWarning,
} from './warnings.js'
export { type Context, contextKey, type Levels } from '../policy/context.js'
export { nextCheckTokens } from '../policy/policy.js'
