import type { ContextState } from './context-state.js'

type Copy = { [Field in keyof Required<ContextState>]: ContextState[Field] }

/**
 * Copies a state with some fields changed. The fields are written out because a spread of so many takes ten times as long (700 ns against
 * 70 on Node 20), and an outcome changes the state of every link of its chain three times.
 */
export function copyState (state: ContextState, changes: Partial<ContextState>): ContextState {
  const copy: Copy = {
    epoch: state.epoch,
    epoch_cause: state.epoch_cause,
    epoch_started_at: state.epoch_started_at,
    epoch_name: state.epoch_name,
    meaning: state.meaning,
    requested: state.requested,
    halves: state.halves,
    open: state.open,
    certified: state.certified,
    drift: state.drift,
    is_suspected: state.is_suspected,
    trials: state.trials,
    challengers: state.challengers,
    serving: state.serving,
    threshold_index: state.threshold_index,
    threshold: state.threshold,
    guarantee: state.guarantee,
    control_share: state.control_share,
    generations: state.generations,
    follow_up: state.follow_up,
    open_enrolments: state.open_enrolments,
    treated: state.treated,
    arms: state.arms,
    arms_from: state.arms_from,
    log_evidence: state.log_evidence,
    tokens_saved_gross: state.tokens_saved_gross,
    probe_tokens: state.probe_tokens,
    probe_prefill_tokens: state.probe_prefill_tokens,
    last_evidence_at: state.last_evidence_at,
    updated_at: state.updated_at,
    judged_by: state.judged_by,
    fed_by: state.fed_by,
    checkpoint: state.checkpoint,
    membership: state.membership,
  }
  return Object.assign(copy, changes)
}
