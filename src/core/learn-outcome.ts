import { CONTROL_FLOOR, type Arm } from './arm.js'
import { contextChain } from './context.js'
import { openEpoch, type ArmTotals, type ContextState } from './context-state.js'
import { hasDrifted, watchDrift } from './drift.js'
import { addTrace, NO_EVIDENCE, stopsOf } from './evidence.js'
import { moveShare, policyOf, write, type Fold } from './fold.js'
import type { InForce } from './in-force.js'
import { expire } from './learn-time.js'
import type { LoggedOutcome } from './outcome.js'
import type { Policy } from './policy.js'

/** Folds one finished generation into every link of its chain. */
export function learnOutcome (fold: Fold, time: number, reported: LoggedOutcome): void {
  const { levels } = fold.ledger.configuration
  const chain = contextChain(levels, reported.context)
  const leafKey = chain.at(-1)!
  const isInVain = wasDueButNotAsked(reported, policyOf(fold.ledger, leafKey)) // workers ask at the leaf's cadence
  const outcome = isInVain ? { ...reported, steps_complete: false } : reported
  for (const key of chain) {
    createContext(fold, key, time)
    expire(fold, key, time) // no tick may have come since
  }
  const leaf = fold.get(leafKey)
  if (leaf === undefined) fold.ledger = { ...fold.ledger, refused: fold.ledger.refused + 1 }

  const before = leaf && moveShare(fold, leafKey, time) // an ancestor's threshold may have moved since the last outcome here
  const arm = armOf(outcome, leaf === undefined ? CONTROL_FLOOR : Math.min(leaf.control_share, fold.get(leafKey)!.control_share))
  const isCompared = before?.threshold != null && (arm === 'treated' || !isBeforeFall(fold.get(leafKey)!, outcome, time))
  const saved = before === undefined || arm !== 'treated' ? 0 : savedBy(outcome, before, policyOf(fold.ledger, leafKey))
  for (const key of chain) {
    const state = fold.get(key)
    if (state === undefined) continue
    const policy = policyOf(fold.ledger, key)
    const counted = countOutcome(state, outcome, arm, isCompared, saved, policy, time)
    const isLeaf = key === leafKey
    const watched = isLeaf ? watchedIndex(state, before!) : state.threshold_index
    const next = isLeaf || outcome.u < CONTROL_FLOOR ? learnEvidence(fold, counted, outcome, arm, policy, time, watched) : counted
    write(fold, key, next, policy, time, next.epoch === state.epoch ? 'evidence' : next.epoch_cause, next.halves !== state.halves)
  }
  if (leaf !== undefined) moveShare(fold, leafKey, time)
}

function createContext (fold: Fold, key: string, time: number): void {
  const { ledger } = fold
  if (fold.get(key) !== undefined || ledger.contexts >= ledger.configuration.max_contexts) return
  fold.ledger = { ...ledger, contexts: ledger.contexts + 1 }
  fold.set(key, openEpoch(undefined, 'first_outcome', policyOf(ledger, key), ledger.configuration.levels, time))
}

/** A stopped generation was treated, whatever it says; without an arm it is control iff its draw says so, else unknown. */
function armOf ({ stopped, arm, u }: LoggedOutcome, share: number): Arm | null {
  if (stopped) return 'treated'
  return arm ?? (u < share ? 'control' : null)
}

/** Whether a control generation may be one only because it began before the share fell; for a while that is true of long ones above all. */
function isBeforeFall (leaf: ContextState, { u }: LoggedOutcome, time: number): boolean {
  return time < leaf.narrows_until && u >= leaf.control_share
}

/** Estimate: at savings s, a treated generation that used t tokens would have used t/(1-s); none where it says that all are saved. */
function savedBy ({ tokens }: LoggedOutcome, { threshold, source }: InForce, { mode }: Policy): number {
  return threshold === null || mode !== 'enforce' || source.savedRatio === 1 ? 0 : tokens * source.savedRatio / (1 - source.savedRatio)
}

/** Grid index of the threshold a leaf is watched at: the one in force, its parent's if it falls back; a pin's was never promised. */
function watchedIndex (leaf: ContextState, { scope, source, isPinned }: InForce): number {
  return scope === 'parent' && !isPinned ? source.index : leaf.threshold_index
}

function countOutcome (
  state: ContextState, outcome: LoggedOutcome, arm: Arm | null, isCompared: boolean, saved: number, policy: Policy, time: number
): ContextState {
  const em = outcome.full[policy.label]
  const add = (totals: ArmTotals): ArmTotals => ({
    generations: totals.generations + 1,
    tokens: totals.tokens + outcome.tokens,
    labelled: totals.labelled + (em === undefined ? 0 : 1),
    em: totals.em + (em ?? 0),
  })
  return {
    ...state,
    generations: state.generations + 1,
    arms: arm === null || !isCompared ? state.arms : { ...state.arms, [arm]: add(state.arms[arm]) },
    tokens_saved: state.tokens_saved + saved,
    updated_at: time,
  }
}

/** An empty list says "never asked"; a generation long enough to have been asked more than once can't say so. */
function wasDueButNotAsked ({ steps, tokens }: LoggedOutcome, policy: Policy): boolean {
  const { check_every_tokens: every, min_tokens: min } = policy
  return steps?.length === 0 && tokens >= Math.max(every, Math.ceil(min / every) * every) + every
}

/** The rules of evidence (DESIGN section 3), each of which keeps a false certificate out. */
function learnEvidence (
  fold: Fold, state: ContextState, outcome: LoggedOutcome, arm: Arm | null, policy: Policy, time: number, watched: number
): ContextState {
  if (arm === null) return { ...state, unknown_arm: state.unknown_arm + 1 }
  if (arm === 'treated') return state
  if (outcome.sample_index !== null && outcome.sample_index !== 0) return { ...state, siblings: state.siblings + 1 }
  if (time < state.settles_at || isBeforeFall(state, outcome, time)) return { ...state, unsettled: state.unsettled + 1 }
  if (outcome.steps === null) return { ...state, unstepped: state.unstepped + 1 }
  const em = outcome.full[policy.label]
  if (em === undefined) return { ...state, unlabelled: state.unlabelled + 1 }

  const trace = {
    tokens: outcome.tokens,
    answerTokens: outcome.answer_tokens,
    em,
    steps: outcome.steps.map((step) => ({ tokens: step.tokens, score: step.confidence, em: step[policy.label] })),
    isComplete: outcome.steps_complete,
  }
  const stops = stopsOf(trace, policy.min_tokens)
  const drift = watched === -1 ? state.drift : watchDrift(state.drift, stops[watched]!.delta, policy.max_em_drop)
  if (hasDrifted(drift)) return openEpoch(state, 'drift', policy, fold.ledger.configuration.levels, time)

  const filling = addTrace(state.halves[0], trace, stops)
  const isFull = filling.generations >= policy.evidence_window / 2
  return {
    ...state,
    halves: isFull ? [NO_EVIDENCE, filling] : [filling, state.halves[1]],
    drift,
    labelled: state.labelled + 1,
    last_evidence_at: time,
  }
}
