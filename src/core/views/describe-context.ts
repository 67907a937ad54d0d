import { parseContextKey, type Context } from '../policy/context.js'
import { evidenceOf, type ContextState } from '../judgement/context-state.js'
import { cancelledRatio, followUpRatio, labelsNeededRatio, type FollowUp } from '../judgement/follow-up-counts.js'
import { describeArms, type ArmsView } from './describe-arms.js'
import { untilNext } from './describe-thresholds.js'
import { emDropInterval } from '../certificate/em-drop-interval.js'
import { differencesAt, emDrop, grossSavedRatio, tokensSavedRatio } from '../certificate/evidence.js'
import type { EvidenceByToken } from '../judgement/evidence-by-token.js'
import { candidateOf, type CandidateScorer } from '../judgement/candidate-scorer.js'
import { certifyingDepthOf, controlShareInForce, effectiveThreshold, type Scope } from '../judgement/effective-threshold.js'
import { expectedUtility } from '../certificate/objective.js'
import type { Lottery } from '../certificate/lottery.js'
import { describeTrials, type TrialView } from './describe-trials.js'
import type { Policy } from '../policy/policy.js'
import type { Guarantee } from '../judgement/guarantee.js'
import { hasLeft } from '../judgement/membership.js'
import type { Pin } from '../judgement/pin.js'
import { contextWarnings, type ContextWarning } from '../judgement/context-warnings.js'
import { linksOf, type LoadedContexts } from '../judgement/chain-link.js'
import { shownInPool } from './shown-in-pool.js'

export type Status = 'learning' | 'certified' | 'drifted'

/** Evidence for the threshold in force, as ln E; `bar` is what certified it. */
export interface EvidenceView { readonly best: number, readonly now: number, readonly bar: number, readonly holds_now: boolean }

/** A context, as in the reply to `GET /v1/contexts`. Ratios and EM are fractions; times are in ms (the route writes ISO 8601). */
export interface ContextView {
  readonly key: string
  readonly context: Context
  readonly status: Status
  /** The pool that it is a context of, and when its own drift detector made it leave that, ms; `null`: it has none, or is one. */
  readonly pool: { readonly key: string, readonly left_at: number | null } | null
  readonly mode: Policy['mode']
  readonly pin: Pin | null
  readonly threshold: number | null
  /** The looser threshold that a share of the generations has instead; `null`: none. */
  readonly lottery: Lottery | null
  readonly scope: Scope
  /** The score that the threshold is for: `confidence`, or the name of a predictor. */
  readonly score: string
  readonly guarantee: Guarantee | null
  readonly control_generations: number
  readonly treated_generations: number
  readonly em_full: number | null
  readonly em_drop: number | null
  /** Interval of the true EM drop of the certified threshold, at its error level. */
  readonly em_drop_low: number | null
  readonly em_drop_high: number | null
  readonly tokens_saved_ratio: number | null
  readonly tokens_saved_gross_ratio: number | null
  /** Over all epochs: what stops have saved less the tokens decoded for probes in both arms, and its parts. */
  readonly tokens_saved: number
  readonly tokens_saved_gross: number
  readonly probe_tokens: number
  readonly probe_prefill_tokens: number
  /** Gain of that threshold over never stopping, per generation, in the currency of the policy's prices; `null` without prices. */
  readonly expected_utility: number | null
  readonly arms: ArmsView
  readonly challengers: TrialView[]
  readonly unprobed: number
  readonly follow_up: FollowUp
  readonly follow_up_ratio: number
  readonly cancelled_ratio: number
  readonly labels_needed_ratio: number | null
  /** Enrolments of either arm that are not accounted for yet. */
  readonly open_enrolments: number
  /** Enrolled in ended slices and not accounted for yet: they count as lost in every test. */
  readonly unaccounted: number
  /** ln E of the threshold in force, at its best and now; it was certified when it reached `bar`. */
  readonly evidence: EvidenceView | null
  readonly warnings: readonly ContextWarning[]
  readonly fed_by: EvidenceByToken
  readonly epoch: number
  readonly control_share: number | null
  readonly generations_to_next_certificate: number | null
  readonly policy: Policy
  readonly updated_at: number
}

/** Describes a context that has a state. */
export function describeContext (loaded: LoadedContexts, key: string): ContextView {
  const state = loaded.states.get(key)!
  const chain = linksOf(loaded, key)
  const own = chain.at(-1)!
  const effective = effectiveThreshold(chain, certifyingDepthOf(loaded.levels, chain))
  const { source } = effective
  const isMember = source !== own && chain.length === loaded.levels.length + 1
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
    status: isGone ? 'drifted' : statusOf(state, own.index),
    pool: isMember ? { key: source.key, left_at: isGone ? state.membership!.left_at : null } : null,
    mode: own.policy.mode,
    pin: own.pin ?? null,
    threshold: effective.threshold,
    lottery: effective.lottery,
    scope: effective.scope,
    score: effective.scorer ?? own.scorer ?? 'confidence',
    guarantee: effective.guarantee,
    control_generations: evidence.generations,
    treated_generations: state.treated,
    em_full: evidence.labelled === 0 ? null : evidence.full_em / evidence.labelled,
    em_drop: index === -1 ? null : emDrop(shown, index),
    em_drop_low: interval?.low ?? null,
    em_drop_high: interval?.high ?? null,
    tokens_saved_ratio: index === -1 ? null : tokensSavedRatio(shown, index),
    tokens_saved_gross_ratio: index === -1 ? null : grossSavedRatio(shown, index),
    tokens_saved: state.tokens_saved_gross - state.probe_tokens,
    tokens_saved_gross: state.tokens_saved_gross,
    probe_tokens: state.probe_tokens,
    probe_prefill_tokens: state.probe_prefill_tokens,
    expected_utility: expectedUtility(candidate.evidence, own.index, own.policy),
    arms: describeArms(state.arms, own.policy.error_level, own.policy.max_em_drop),
    challengers: describeTrials(state, own.policy, loaded.predictors),
    unprobed: evidence.unprobed_generations,
    follow_up: state.follow_up,
    follow_up_ratio: followUpRatio(state),
    cancelled_ratio: cancelledRatio(state),
    labels_needed_ratio: labelsNeededRatio(state),
    open_enrolments: state.open_enrolments,
    unaccounted: candidate.unaccounted,
    evidence: evidenceView(state, own.index, candidate),
    warnings: contextWarnings(state),
    fed_by: state.fed_by ?? {},
    epoch: state.epoch,
    control_share: chain.length === loaded.levels.length + 1 ? controlShareInForce(effective) : null,
    generations_to_next_certificate: untilNext(candidate, own.policy),
    policy: own.policy,
    updated_at: state.updated_at,
  }
}

function evidenceView ({ log_evidence: known }: ContextState, index: number, { bar }: CandidateScorer): EvidenceView | null {
  return known === null || index === -1 ? null : { ...known, bar, holds_now: known.now >= bar }
}

export function statusOf (state: ContextState, index: number): Status {
  if (index !== -1) return 'certified'
  if (state.epoch_cause === 'drift' || state.epoch_cause === 'breach') return 'drifted'
  return 'learning'
}
