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
    is_recovering: state.is_recovering,
    epoch_started_at: state.epoch_started_at,
    settles_at: state.settles_at,
    narrows_until: state.narrows_until,
    narrow_share: state.narrow_share,
    meaning: state.meaning,
    requested: state.requested,
    halves: state.halves,
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
    labelled: state.labelled,
    unlabelled: state.unlabelled,
    unstepped: state.unstepped,
    unsettled: state.unsettled,
    siblings: state.siblings,
    unknown_arm: state.unknown_arm,
    crowded_out: state.crowded_out,
    treated: state.treated,
    awaiting_label: state.awaiting_label,
    has_waited: state.has_waited,
    arms: state.arms,
    arms_since: state.arms_since,
    tokens_saved: state.tokens_saved,
    last_evidence_at: state.last_evidence_at,
    updated_at: state.updated_at,
    judged_by: state.judged_by,
    fed_by: state.fed_by,
    checkpoint: state.checkpoint,
  }
  return Object.assign(copy, changes)
}
