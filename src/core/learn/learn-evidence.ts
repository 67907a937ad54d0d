import { copyState } from '../judgement/copy-state.js'
import type { ContextState } from '../judgement/context-state.js'
import { hasDrifted, watchDrift } from '../certificate/drift.js'
import { fillHalves, stopsOf, type Em, type Stop, type Trace } from '../certificate/evidence.js'
import { countForToken } from '../judgement/evidence-by-token.js'
import { startEpoch, type Fold } from './fold.js'
import type { Judgement } from '../judgement/judge.js'
import { learnTrial, tracedBy } from './learn-trial.js'
import type { LoggedOutcome } from '../grading/outcome.js'
import type { Arrival } from '../recording/pending.js'
import type { Policy } from '../policy/policy.js'
import { sampleOf } from '../predictor/sample.js'
import type { Trial } from '../judgement/trial.js'

/** Whose threshold the drift detector watches, and which, -1 for none. */
export type Watched = Pick<Judgement, 'scorer' | 'index'>

/**
 * Before an epoch settles, short generations prevail. Above the leaves, once labels come late, contexts with quick labels prevail for as
 * long as a label may take.
 */
function isUnsettled (
  fold: Fold, state: ContextState, arrival: Arrival, time: number, isLeaf: boolean, hasWaited: boolean
): boolean {
  if (arrival.time < state.settles_at || arrival.isOfAnotherShare) return true
  if (arrival.time <= state.epoch_started_at && state.epoch_cause !== 'first_outcome' && hasWaited) return true // it waited, the epoch is younger
  return !isLeaf && state.has_waited && time < state.settles_at + fold.ledger.configuration.label_wait_seconds * 1000
}

/** The rules of evidence (DESIGN section 3), each of which keeps a false certificate out. */
export function learnEvidence (
  fold: Fold, state: ContextState, arrival: Arrival, policy: Policy, time: number, watched: Watched, isLeaf: boolean, hasWaited: boolean
): ContextState {
  const { outcome, arm } = arrival
  if (arm === null) return copyState(state, { unknown_arm: state.unknown_arm + 1 })
  if (!isFirstSample(outcome)) return copyState(state, { siblings: state.siblings + 1 })
  if (isUnsettled(fold, state, arrival, time, isLeaf, hasWaited)) return copyState(state, { unsettled: state.unsettled + 1 })
  if (outcome.steps === null) return copyState(state, { unstepped: state.unstepped + 1 })
  const em = outcome.full[policy.label] ?? null
  if (em === null && policy.missing_labels === 'excluded') return copyState(state, { unlabelled: state.unlabelled + 1 })

  if (em !== null && isLeaf && policy.predictor === 'auto') sample(fold, arrival, policy)
  const trace = traceOf(outcome, em, policy)
  const stops = stopsOf(trace, policy.min_tokens)
  const delta = deltaAt(fold, watched, arrival, trace, stops, policy)
  const drift = delta === null ? state.drift : watchDrift(state.drift, delta, policy.max_em_drop)
  if (hasDrifted(drift)) return startEpoch(fold, state, 'drift', policy, time)

  // As with an epoch that begins: at first contexts whose labels come quickly prevail above the leaves.
  const quickUntil = ({ since }: Trial) => since + fold.ledger.configuration.label_wait_seconds * 1000
  // One that waits is kept without the steps that only a later predictor would stop at; of one ms the order is not known any more.
  const isThin = ({ since }: Trial) => hasWaited && arrival.time <= since
  const isTooSoon = (trial: Trial) => isThin(trial) || (!isLeaf && state.has_waited && time < quickUntil(trial))
  return copyState(state, {
    halves: fillHalves(state.halves, trace, stops, policy.evidence_window),
    trials: state.trials.length === 0
      ? state.trials
      : state.trials.map((trial) => isTooSoon(trial) ? trial : learnTrial(fold, trial, arrival, trace, policy)),
    drift,
    labelled: state.labelled + (em === null ? 0 : 1),
    unlabelled: state.unlabelled + (em === null ? 1 : 0),
    last_evidence_at: time,
    fed_by: countForToken(state.fed_by, outcome.by),
  })
}

function traceOf (outcome: LoggedOutcome, em: Em | null, { label }: Policy): Trace {
  return {
    tokens: outcome.tokens,
    answerTokens: outcome.answer_tokens,
    em,
    steps: outcome.steps!.map((step) => ({ tokens: step.tokens, score: step.confidence, em: step[label] })),
    isComplete: outcome.steps_complete,
  }
}

/** What stopping at the watched threshold would have done to EM; `null`: there is none, or nothing honest is known of it. */
function deltaAt (
  fold: Fold, { scorer, index }: Watched, arrival: Arrival, trace: Trace, stops: readonly Stop[], { min_tokens }: Policy): number | null {
  if (index === -1) return null
  if (scorer === null) return stops[index]!.delta
  const traced = tracedBy(fold.predictors.get(scorer), arrival, trace)
  if (traced === null) return null
  return stopsOf(traced.trace, min_tokens, traced.grid)[index]?.delta ?? null // where the trial is damaged, of another grid
}

/** Keeps it for predictors to learn from; an incomplete one does not tell where it would have been stopped. */
function sample ({ reservoir }: Fold, { outcome, leaf }: Arrival, { label }: Policy): void {
  const sample = outcome.steps_complete ? sampleOf(outcome, leaf, label) : null
  if (sample !== null) reservoir.add(sample)
}

/** Several samples of one prompt are not independent draws: only the first is evidence, or compared. */
export function isFirstSample ({ sample_index: index }: LoggedOutcome): boolean {
  return index === null || index === 0
}
