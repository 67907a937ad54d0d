import { unitsOf } from '../certificate/certificate.js'
import { emDropInterval } from '../certificate/em-drop-interval.js'
import { differencesAt, emDrop, type Evidence, grossSavedRatio, noEvidence, tokensSavedRatio } from '../certificate/evidence.js'
import { type Fidelity, fidelityRatio, fidelitySuspicion, servedDifference } from '../certificate/fidelity.js'
import { trueDrop } from '../certificate/judge-errors.js'
import { differencesOf } from '../certificate/tested-evidence.js'
import { GRID } from '../certificate/thresholds.js'
import { BREACH_SUSPECTED, breachSight, heldUntil, isBreached } from '../certificate/breach.js'
import { type Arms, emDifference, estimateEm, estimateMean } from '../contexts/arms.js'
import { type ChainLink, linksOf, type LoadedContexts } from '../contexts/chain-link.js'
import { checkEveryTokens } from '../contexts/check-distance.js'
import { type ContextState, evidenceOf, totalLookShare } from '../contexts/context-state.js'
import { contextWarnings } from '../contexts/context-warnings.js'
import { certifyingDepthOf, controlShareInForce, type EffectiveThreshold, effectiveThreshold } from '../contexts/effective-threshold.js'
import { cancelledRatio, followUpRatio, labelsNeededRatio } from '../contexts/follow-up-counts.js'
import type { GraderCounts } from '../contexts/grader.js'
import { ALL_LABELS } from '../contexts/label-losses.js'
import { FIRST_UNITS, hasLeft } from '../contexts/membership.js'
import { type ProbeFormState, probeValidity } from '../contexts/probe-form.js'
import { probeOverhead } from '../contexts/probe-spending.js'
import { estimateSavings } from '../contexts/savings.js'
import { type ScoredEvidence, scoredEvidence } from '../contexts/scored-evidence.js'
import { isCertifying, parseContextKey } from '../policy/context.js'
import type { Policy } from '../policy/policy.js'
import { DIAGNOSES, diagnose, type Diagnosis } from './diagnosis.js'
import { untilNext } from './threshold-rows.js'

export const STATUSES = ['learning', 'unlikely', 'certified', 'drifted'] as const

export type Status = typeof STATUSES[number]

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
  const scored = scoredEvidence(state, own.policy, loaded.predictors)
  const certified = isMember
    ? shownInPool(state, source, loaded.states.get(source.key))
    : { evidence: scored.evidence, index: own.index, level: Math.exp(-scored.bar) }
  const { evidence: shown, index, level } = effective.isPinned ? shownUnderPin(certified, scored.grid, effective) : certified
  const evidence = isMember ? shown : evidenceOf(state)
  const interval = index === -1 ? null : emDropInterval(differencesAt(shown, index), level)
  const first = effective.isNew ? firstUnits(state, source) : null
  const isGathering = isMember || isCertifying(loaded.levels, own.policy.certify_at, key)
  const isGone = isMember && hasLeft(own.leftEpoch, source.epochName)
  return {
    key,
    context: parseContextKey(loaded.levels, key) ?? {},
    status: statusInForce(loaded, chain, source),
    /** The pool that it is a context of, and when it left that, since it lost too much; `null`: it has none, or is one. */
    pool: !isMember ? null : { key: source.key, left_at: isGone ? state.membership!.left_at : null, first_generations: first },
    mode: own.policy.mode,
    pin: own.pin ?? null,
    /** Key of the context whose pin sets the threshold: its own, or its pool; `null`: no pin does. */
    pinned_at: !effective.isPinned ? null : own.pin === undefined ? source.key : key,
    threshold: effective.threshold,
    scope: effective.scope,
    /** The score that the threshold is for: `confidence`, or the name of a predictor. */
    score: source.policy.score,
    guarantee: effective.guarantee,
    control_generations: evidence.generations,
    treated_generations: state.treated,
    em_full: evidence.labelled === 0 ? null : evidence.full_em / evidence.labelled,
    /** At the certified threshold; under a pin at the loosest threshold of the grid that is at least as safe. */
    em_drop: index === -1 ? null : trueDrop(emDrop(shown, index), own.policy),
    /** Interval of the true EM drop there, at the error level of the certificate. */
    em_drop_low: interval === null ? null : trueDrop(interval.low, own.policy),
    em_drop_high: interval === null ? null : trueDrop(interval.high, own.policy),
    tokens_saved_ratio: index === -1 ? null : tokensSavedRatio(shown, index),
    tokens_saved_gross_ratio: index === -1 ? null : grossSavedRatio(shown, index),
    ...describeSavings(state),
    probe_tokens: state.probe_tokens,
    probe_prefill_tokens: state.probe_prefill_tokens,
    /** Tokens of probes over those of the generations, of the last thousand or two in both arms; `null`: none was reported. */
    probe_overhead: probeOverhead(state.spending),
    /** Why nothing is likely to be certified, here or in the pool; `null`: something is, or little is known yet. */
    unlikely: (isMember ? loaded.states.get(source.key) : state)?.unlikely ?? null,
    /** Tokens saved, less those of probes, over the last whole day; `null`: none is over, or there were too few control generations. */
    tokens_saved_last_day: state.day.net,
    probe_form: describeProbeForm((isMember ? loaded.states.get(source.key) : state)?.probe_form ?? null),
    arms: describeArms(state.arms),
    fidelity: describeFidelity(state.fidelity, own.policy.error_level),
    breach: {
      ...describeBreach(state.fidelity),
      /** Until when no certified threshold is in force after a breach, of its own or its pool's, ms; `null`: it is not held. */
      held_until: heldUntil((isMember ? loaded.states.get(source.key) : state)?.hold ?? null),
    },
    grader: describeGrader(state.grader),
    unprobed: evidence.unprobed_generations,
    follow_up: state.follow_up,
    follow_up_ratio: followUpRatio(state),
    cancelled_ratio: cancelledRatio(state),
    labels_needed_ratio: labelsNeededRatio(state),
    /** At looser thresholds no labels are asked for; 1: at none; `null`: at all of them they are. */
    labels_asked_from: labelsAskedFrom(effective.source),
    /** Enrolments that are not accounted for yet. */
    open_enrolments: state.open_enrolments,
    /** Enrolled in ended slices and not accounted for yet: they count as lost in every test. */
    unaccounted: scored.unaccounted,
    evidence: evidenceView(state, own.index, scored, own.policy),
    /** Why none of its generations are stopped, and the next step; `null`: they are. */
    diagnosis: describeDiagnosis(diagnose({ own, effective, gathering: loaded.states.get(source.key), isGathering })),
    warnings: contextWarnings(state, own.policy),
    fed_by: state.fed_by ?? {},
    epoch: state.epoch,
    control_share: isGathering ? controlShareInForce(effective) : null,
    generations_to_next_certificate: untilNext(scored, own.policy),
    /** Tokens between the checks of its generations; `null`: it certifies nothing, as above the leaves. */
    check_every_tokens: isGathering ? checkEveryTokens(own.policy, loaded.states.get(source.key)?.check_distance) : null,
    policy: own.policy,
    updated_at: state.updated_at,
  }
}

function labelsAskedFrom ({ labelReach: reach }: ChainLink): number | null {
  return reach === ALL_LABELS ? null : GRID[reach] ?? 1
}

/**
 * Tokens saved by stops over all epochs, less the tokens decoded for probes in both arms, with a 95 % interval; and without the probes.
 * `null` while there are too few control generations.
 */
export function describeSavings ({ savings, probe_tokens: probes }: Pick<ContextState, 'savings' | 'probe_tokens'>) {
  const saved = estimateSavings(savings)
  const net = (tokens: number | undefined) => tokens === undefined ? null : tokens - probes
  return {
    tokens_saved: net(saved?.estimate),
    tokens_saved_low: net(saved?.low),
    tokens_saved_high: net(saved?.high),
    tokens_saved_gross: saved?.estimate ?? null,
  }
}

function describeDiagnosis (reason: Diagnosis | null) { return reason === null ? null : { reason, text: DIAGNOSES[reason] } }

/** How workers force answers; `null`: no worker has said. Its time is in ms. */
function describeProbeForm (state: ProbeFormState | null) {
  if (state === null) return null
  const { at: chosen_at, asked, equal, ...finding } = state
  return { ...finding, tried: [...finding.tried], chosen_at, asked, validity: probeValidity({ asked, equal }) }
}

/** The evidence for the threshold in force. ln E at its best and now; it was certified when it reached `bar`. */
function evidenceView (state: ContextState, index: number, { bar, tested }: ScoredEvidence, policy: Policy) {
  const { log_evidence: known, follow_up: fates, looks, last_evidence_at: until } = state
  if (known === null || index === -1) return null
  return {
    ...known,
    bar,
    holds_now: known.now >= bar,
    since: tested.time,
    until,
    units: unitsOf(differencesOf(tested, index)),
    labelled: evidenceOf(state).labelled,
    left_out: fates.cancelled,
    not_enrolled: fates.void + fates.unenrolled,
    epochs_opened: 1 + looks.count,
    total_error_level: totalLookShare(looks) * policy.error_level,
  }
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
  return state.unlikely === null ? 'learning' : 'unlikely'
}

/** How many of a new member's first control units have been seen, and how many run in full. */
function firstUnits ({ membership }: ContextState, { epochName }: Pick<ChainLink, 'epochName'>) {
  return { seen: membership !== undefined && membership.epoch === epochName ? membership.units : 0, of: FIRST_UNITS }
}

/** A context's evidence at one threshold; -1: nothing is in force. `level`: of an interval for its EM drop. */
interface Shown { readonly evidence: Evidence, readonly index: number, readonly level: number }

/**
 * A member's own evidence in its pool's present epoch, at the threshold of the pool. It certifies nothing.
 * @param pool link and state of the pool
 */
export function shownInPool ({ membership }: ContextState, { index, policy }: Pick<ChainLink, 'index' | 'policy'>, pool: ContextState | undefined): Shown {
  const isCurrent = pool !== undefined && membership?.epoch === pool.epoch_name
  return isCurrent
    ? { evidence: membership.evidence, index, level: policy.error_level }
    : { evidence: noEvidence(GRID.length), index: -1, level: policy.error_level }
}

/** The same evidence at the threshold of a pin; nothing if the pin is safer than the grid. */
function shownUnderPin ({ evidence, level }: Shown, grid: readonly number[], { threshold }: Pick<EffectiveThreshold, 'threshold'>): Shown {
  const isKnown = threshold !== null && evidence.generations > 0
  return { evidence, index: isKnown ? grid.findLastIndex((safe) => safe >= threshold) : -1, level }
}

/** Control and treated generations while a threshold was in force, and the EM of treated less that of control ones. EM is a fraction. */
export function describeArms (arms: Arms) {
  const { control, treated } = arms
  return { control: describeArm(control), treated: describeArm(treated), em_difference: emDifference(arms) }
}

function describeArm (sums: Arms['control']) {
  return { generations: sums.generations, em: estimateEm(sums), tokens: estimateMean(sums.tokens) }
}

/**
 * Compares the served answers of stops with their probes. EM is a fraction, of all treated generations.
 * @param level chance that the interval ever excludes the true difference
 */
export function describeFidelity (fidelity: Fidelity, level: number) {
  const { generations, stops, unobserved, queued } = fidelity
  const difference = servedDifference(fidelity, level)
  return {
    treated_generations: generations,
    stops,
    /** Stops that were reported without their probe, and stops that await a label, their own or an earlier one's. */
    stops_without_probe: unobserved,
    stops_awaiting_label: queued,
    ratio: fidelityRatio(fidelity),
    em_drop: difference?.estimate ?? null,
    em_drop_low: difference?.low ?? null,
    em_drop_high: difference?.high ?? null,
  }
}

/** What the grades of this epoch show of the grader. */
function describeGrader ({ differing, changing, unchanged, agreeing, contradicting, answers, digest }: GraderCounts) {
  return { differing, changing, unchanged, agreeing, contradicting, answers, all_the_same: answers > 0 && digest !== null }
}

/** Whether stops seem to lose, or surely lose, more EM than is tolerated, and from what it is seen. */
function describeBreach (fidelity: Fidelity) {
  return {
    seen_by: breachSight(fidelity),
    suspected: fidelitySuspicion(fidelity) >= BREACH_SUSPECTED,
    breached: isBreached(fidelity),
  }
}
