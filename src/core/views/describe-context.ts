import { isCertifying } from '../policy/certifying-link.js'
import { parseContextKey } from '../policy/context.js'
import { evidenceOf, type ContextState } from '../judgement/context-state.js'
import { cancelledRatio, followUpRatio, labelsNeededRatio } from '../judgement/follow-up-counts.js'
import { describeArms } from './describe-arms.js'
import { untilNext } from './describe-thresholds.js'
import { emDropInterval } from '../certificate/em-drop-interval.js'
import { differencesAt, emDrop, grossSavedRatio, tokensSavedRatio } from '../certificate/evidence.js'
import { candidateOf, type CandidateScorer } from '../judgement/candidate-scorer.js'
import { certifyingDepthOf, controlShareInForce, effectiveThreshold } from '../judgement/effective-threshold.js'
import { expectedUtility } from '../certificate/objective.js'
import { describeTrials } from './describe-trials.js'
import { hasLeft } from '../judgement/membership.js'
import { contextWarnings } from '../judgement/context-warnings.js'
import { linksOf, type ChainLink, type LoadedContexts } from '../judgement/chain-link.js'
import { shownInPool } from './shown-in-pool.js'

export type Status = 'learning' | 'certified' | 'drifted'

export type ContextView = ReturnType<typeof describeContext>

/**
 * Describes a context that has a state, as in the reply to `GET /v1/contexts`. Ratios and EM are fractions; times are in ms (the route
 * writes ISO 8601).
 */
export function describeContext (loaded: LoadedContexts, key: string) {
  const state = loaded.states.get(key)!
  const chain = linksOf(loaded, key)
  const own = chain.at(-1)!
  const effective = effectiveThreshold(chain, certifyingDepthOf(loaded.levels, chain))
  const { source } = effective
  const isMember = isOfPool(loaded, chain, source)
  const candidate = candidateOf(state, own.policy, loaded.predictors, own.scorer)
  const { evidence: shown, index, level } = isMember
    ? shownInPool(state, source, loaded.states.get(source.key))
    : { evidence: candidate.evidence, index: own.index, level: Math.exp(-candidate.bar) }
  const evidence = isMember ? shown : evidenceOf(state)
  const interval = index === -1 ? null : emDropInterval(differencesAt(shown, index), level)
  const isGone = isMember && hasLeft(own.leftEpoch, source.epochName)
  return {
    key,
    context: parseContextKey(loaded.levels, key) ?? {},
    status: statusInForce(loaded, chain, source),
    /** The pool that it is a context of, and when its own drift detector made it leave that; `null`: it has none, or is one. */
    pool: isMember ? { key: source.key, left_at: isGone ? state.membership!.left_at : null } : null,
    mode: own.policy.mode,
    pin: own.pin ?? null,
    threshold: effective.threshold,
    /** The looser threshold that a share of the generations has instead; `null`: none. */
    lottery: effective.lottery,
    scope: effective.scope,
    /** The score that the threshold is for: `confidence`, or the name of a predictor. */
    score: effective.scorer ?? own.scorer ?? 'confidence',
    guarantee: effective.guarantee,
    control_generations: evidence.generations,
    treated_generations: state.treated,
    em_full: evidence.labelled === 0 ? null : evidence.full_em / evidence.labelled,
    em_drop: index === -1 ? null : emDrop(shown, index),
    /** Interval of the true EM drop of the certified threshold, at its error level. */
    em_drop_low: interval?.low ?? null,
    em_drop_high: interval?.high ?? null,
    tokens_saved_ratio: index === -1 ? null : tokensSavedRatio(shown, index),
    tokens_saved_gross_ratio: index === -1 ? null : grossSavedRatio(shown, index),
    /** Over all epochs: what stops have saved less the tokens decoded for probes in both arms, and its parts. */
    tokens_saved: state.tokens_saved_gross - state.probe_tokens,
    tokens_saved_gross: state.tokens_saved_gross,
    probe_tokens: state.probe_tokens,
    probe_prefill_tokens: state.probe_prefill_tokens,
    /** Gain of that threshold over never stopping, per generation, in the currency of the policy's prices; `null` without prices. */
    expected_utility: expectedUtility(candidate.evidence, own.index, own.policy),
    arms: describeArms(state.arms, own.policy.error_level, own.policy.max_em_drop),
    challengers: describeTrials(state, own.policy, loaded.predictors),
    unprobed: evidence.unprobed_generations,
    follow_up: state.follow_up,
    follow_up_ratio: followUpRatio(state),
    cancelled_ratio: cancelledRatio(state),
    labels_needed_ratio: labelsNeededRatio(state),
    /** Enrolments of either arm that are not accounted for yet. */
    open_enrolments: state.open_enrolments,
    /** Enrolled in ended slices and not accounted for yet: they count as lost in every test. */
    unaccounted: candidate.unaccounted,
    evidence: evidenceView(state, own.index, candidate),
    warnings: contextWarnings(state),
    fed_by: state.fed_by ?? {},
    epoch: state.epoch,
    control_share: isMember || isCertifying(loaded.levels, own.policy.certify_at, key) ? controlShareInForce(effective) : null,
    generations_to_next_certificate: untilNext(candidate, own.policy),
    policy: own.policy,
    updated_at: state.updated_at,
  }
}

/** ln E of the threshold in force, at its best and now; it was certified when it reached `bar`. */
function evidenceView ({ log_evidence: known }: ContextState, index: number, { bar }: CandidateScorer) {
  return known === null || index === -1 ? null : { ...known, bar, holds_now: known.now >= bar }
}

/**
 * The status of the end of a chain. A context of a pool has that of the pool, unless it has left it.
 * @param source the link that gathers evidence for the end
 */
export function statusInForce (loaded: LoadedContexts, chain: readonly ChainLink[], source: ChainLink): Status {
  const own = chain.at(-1)!
  const isMember = isOfPool(loaded, chain, source)
  if (isMember && hasLeft(own.leftEpoch, source.epochName)) return 'drifted'
  const link = isMember && loaded.states.has(source.key) ? source : own
  return statusOf(loaded.states.get(link.key)!, link.index)
}

function isOfPool ({ levels }: LoadedContexts, chain: readonly ChainLink[], source: ChainLink): boolean {
  return source !== chain.at(-1) && chain.length === levels.length + 1
}

function statusOf (state: ContextState, index: number): Status {
  if (index !== -1) return 'certified'
  if (state.epoch_cause === 'drift' || state.epoch_cause === 'breach') return 'drifted'
  return 'learning'
}
