/** The names of `learn` that other parts import: the state, the entries of the log, and the rules compiled from both. */
export { inStep } from './apply-pin.js'
export { SERVICE } from './apply-reset.js'
export { TRAINER } from './apply-predictor.js'
export { applyEntry } from './apply-entry.js'
export { isExpiryDue, isFollowUpDue } from './apply-time.js'
export { type ChainLink, linkOf, type LoadedContexts, type SnapshotInputs } from './chain-link.js'
export { checkEveryTokens, distanceForProbes } from './check-distance.js'
export { compileSnapshot, SnapshotCompiler, type StatedPatterns } from './compile-snapshot.js'
export { ContextCounts, contextsOfPrefix } from './context-counts.js'
export { type ContextState, endedEpoch, openEpoch } from './context-state.js'
export {
  contextWarnings, neverLabelled, OUTCOME_WARNINGS, type OutcomeWarning, PIN_WARNINGS, type PinWarning,
} from './context-warnings.js'
export { countNewMembers } from './effective-threshold.js'
export { FIRST_TRAINING, type Ledger, newLedger, policyOf, type Waiting } from './ledger.js'
export { type Fold, foldedStates } from './fold.js'
export { judge } from './judge.js'
export { type Unlikely, UNLIKELY_REASONS } from './learned-rule.js'
export type {
  AcknowledgementEntry, CheckpointEntry, Command, Configuration, LabelEntry, LogEntry, Origin, PredictorCommand, PredictorEntry,
  ProbeFormEntry, StatedFormCommand, UnreadableCommand,
} from './log-entry.js'
export { type PendingOutcome, PendingOutcomes, pruneSteps, SLOTS_OF_CONTEXT } from './pending-outcomes.js'
export { probeValidity } from './probe-form.js'
export { scoredEvidence } from './scored-evidence.js'
export { packState, type StoredState, unpackState } from './stored-state.js'
export { type Change, type UnreadableChange, WITHDRAWALS } from './threshold-change.js'
export { unitBy } from './units-of-outcome.js'
