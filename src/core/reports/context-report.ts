import { emDrop, type Evidence, tokensSavedRatio } from '../stats/evidence.js'
import { trueDrop } from '../stats/judge-errors.js'
import { estimateSavings } from '../stats/savings.js'
import type { Estimate } from '../stats/weighted-sums.js'
import { GRID } from '../decide/grid.js'
import { ALL_LABELS } from '../decide/rule.js'
import { type Arms, emDifference, estimateEm, estimateMean } from '../guards/arms.js'
import { heldUntil, isBreached } from '../guards/breach.js'
import { BREACH, type Fidelity, fidelityRatio, servedDifference } from '../guards/fidelity.js'
import { NO_SIGHT, type Sight } from '../guards/sight.js'
import { graderFault } from '../evidence/grader.js'
import { FIRST_UNITS } from '../evidence/membership.js'
import type { LoadedContexts } from '../learn/chain-link.js'
import { checkEveryTokens } from '../learn/check-distance.js'
import type { ContextState } from '../learn/context-state.js'
import { contextWarnings } from '../learn/context-warnings.js'
import { controlShareInForce } from '../learn/effective-threshold.js'
import { type ProbeFormState, probeValidity } from '../learn/probe-form.js'
import { probeOverhead } from '../stats/probe-spending.js'
import { parseContextKey } from '../policy/context.js'
import { type ContextFacts, dropOf, factsOf } from './context-facts.js'
import { CONTEXT_PROBLEMS, type ContextWarning } from '../decide/warnings.js'
import { blockingWarning, DIAGNOSES, diagnose } from './diagnosis.js'
import { untilNext } from './threshold-rows.js'

export type ContextView = ReturnType<typeof describeContext>

/** An interval, low and high. */
export type Interval = readonly [low: number, high: number]

/**
 * Describes a context that has a state, as in the reply to `GET /v1/contexts`. Each fact is stated once. Ratios and EM are fractions; times
 * are in ms (the route writes ISO 8601).
 */
export function describeContext (loaded: LoadedContexts, key: string) {
  const facts = factsOf(loaded, key)
  const { state, own, effective, gathering } = facts
  return {
    key,
    context: parseContextKey(loaded.levels, key) ?? {},
    status: facts.status,
    mode: own.policy.mode,
    epoch: state.epoch.number,
    updated_at: state.reports.updated_at,
    warnings: contextWarnings(state, own.policy),
    diagnosis: describeDiagnosis(facts),
    pool: describePool(facts),
    pin: describePin(facts),
    threshold: effective.threshold,
    score: effective.source.policy.score,
    guarantee: effective.guarantee,
    em: describeEm(facts),
    tokens: describeTokens(facts),
    generations: describeGenerations(facts),
    arms: describeArms(state.guards.arms),
    /** EM of treated generations less that of control ones, at level 0.001; the estimate is the difference of the arms' EM. */
    em_difference_interval: intervalOf(emDifference(state.guards.arms)),
    fidelity: {
      ...describeFidelity(state.guards.fidelity, own.policy.error_level),
      /** Until when no certified threshold is in force after a breach, of its own or its pool's, ms; `null`: it is not held. */
      held_until: heldUntil(gathering?.guards.hold ?? null),
    },
    sight: describeSight(gathering?.guards.sight ?? NO_SIGHT),
    probe_form: describeProbeForm(gathering?.probes.form ?? null),
    follow_up: describeFollowUp(state),
    evidence: describeEvidence(facts),
    labels: {
      /** At looser thresholds no labels are asked for; 1: at none; `null`: at all of them they are. */
      asked_from: effective.source.labelReach === ALL_LABELS ? null : GRID[effective.source.labelReach] ?? 1,
      grader_fault: graderFault(state.reports.grader),
    },
    fed_by: state.reports.fed_by ?? {},
  }
}

function textOfFault (warning: ContextWarning): string {
  const { problem, cure } = CONTEXT_PROBLEMS[warning]
  return `${DIAGNOSES.reports_faulty.slice(0, -1)} (${warning}): ${problem}. ${cure[0]!.toUpperCase()}${cure.slice(1)}.`
}

/** Why none of its generations are stopped, and the next step; `null`: they are. */
function describeDiagnosis (facts: ContextFacts) {
  const reason = diagnose(facts)
  if (reason === null) return null
  const fault = reason === 'reports_faulty' ? blockingWarning(facts.gathering!, facts.effective.source.policy) : null
  return { reason, text: fault === null ? DIAGNOSES[reason] : textOfFault(fault) }
}

/** The pool that it is a context of, when it left that, and what is left of its first generations; `null`: it has none, or is one. */
export function describePool ({ state, effective: { source, isNew }, isMember, isGone }: ContextFacts) {
  if (!isMember) return null
  const { membership } = state
  const seen = membership !== undefined && membership.epoch === source.epochName ? membership.units : 0
  const left = isNew ? Math.max(0, FIRST_UNITS - seen) : null
  return { key: source.key, left_at: isGone ? membership!.left_at : null, first_generations_left: left }
}

/** The pin in force, with the key that it is set at: its own, or that of its pool; `null`: no pin is in force. */
export function describePin ({ key, own, effective: { isPinned, source } }: ContextFacts) {
  const pin = own.pin ?? source.pin
  if (!isPinned || pin === undefined) return null
  return { at: own.pin === undefined ? source.key : key, reason: pin.reason, by: pin.by, expires_at: pin.expires_at }
}

/** EM in full, and the EM drop at the threshold in force, of what is accounted for. */
function describeEm (facts: ContextFacts) {
  const { shown: { evidence, atWorst, index }, own: { policy } } = facts
  const drop = dropOf(facts)
  return {
    full: fullEm(evidence),
    drop: drop?.drop ?? null,
    interval: intervalOf(drop),
    drop_if_missing_lost: index === -1 ? null : trueDrop(emDrop(atWorst, index), policy),
  }
}

function fullEm ({ labelled, full_em: em }: Evidence): number | null { return labelled === 0 ? null : em / labelled }

/** Tokens saved by stops over all epochs, net of probes; and the part that the threshold in force saves. */
function describeTokens ({ state, shown: { evidence, index } }: ContextFacts) {
  const saved = describeSavings(state.savings)
  return {
    saved: saved.tokens_saved,
    interval: saved.tokens_saved === null ? null : [saved.tokens_saved_low!, saved.tokens_saved_high!] as const,
    saved_ratio: index === -1 ? null : tokensSavedRatio(evidence, index),
    probes: state.savings.probe_tokens,
    /** Tokens of probes over those of the generations, of the last thousand or two in both arms; `null`: none was reported. */
    probe_overhead: probeOverhead(state.savings.spending),
  }
}

function describeGenerations ({ state, own, effective, gathering, isGathering, shown }: ContextFacts) {
  return {
    control: shown.generations,
    treated: state.reports.treated,
    control_share: isGathering ? controlShareInForce(effective) : null,
    /** Tokens between the checks of its generations; `null`: it certifies nothing, as above the leaves. */
    check_every_tokens: isGathering ? checkEveryTokens(own.policy, gathering?.probes.distance) : null,
  }
}

/**
 * Tokens saved by stops over all epochs, less the tokens decoded for probes in both arms, with a 95 % interval; and without the probes.
 * `null` while there are too few control generations.
 */
export function describeSavings ({ sums, probe_tokens: probes }: Pick<ContextState['savings'], 'sums' | 'probe_tokens'>) {
  const saved = estimateSavings(sums)
  const net = (tokens: number | undefined) => tokens === undefined ? null : tokens - probes
  return {
    tokens_saved: net(saved?.estimate),
    tokens_saved_low: net(saved?.low),
    tokens_saved_high: net(saved?.high),
    tokens_saved_gross: saved?.estimate ?? null,
  }
}

/** What the guards of the threshold have not seen of the newest 128 control units that are due, and of the newest 128 stops. */
function describeSight ({ units, stops }: Sight) { return { units_lost: units.nothing, stops_refused: stops.nothing } }

/** How workers force answers; `null`: no worker has said. */
function describeProbeForm (state: ProbeFormState | null) {
  if (state === null) return null
  const { form, is_stated, tried, asked } = state
  return { name: form?.name ?? null, tokens: form?.tokens ?? null, is_stated, tried: [...tried], asked, validity: probeValidity(state) }
}

function describeFollowUp ({ reports: { follow_up, open_enrolments: open } }: ContextState) {
  const { enrolled, accounted, missing, cancelled, left_out } = follow_up
  return { enrolled, open, accounted, missing, cancelled, left_out }
}

/** ln E of the threshold in force, the bar that it takes, and the control generations until the next one is certified. */
function describeEvidence ({ state, own, scored }: ContextFacts) {
  return {
    log_e: own.index === -1 ? null : state.evidence.log_evidence?.now ?? null,
    bar: scored.bar,
    next_certificate_in: untilNext(scored, own.policy),
  }
}

/** Control and treated generations while a threshold was in force. EM is a fraction. */
export function describeArms (arms: Arms) {
  return (['control', 'treated'] as const).map((arm) => {
    const [em, tokens] = [estimateEm(arms[arm]), estimateMean(arms[arm].tokens)]
    return {
      arm,
      generations: arms[arm].generations,
      em: em?.estimate ?? null,
      em_interval: intervalOf(em),
      tokens: tokens?.estimate ?? null,
      tokens_interval: intervalOf(tokens),
    }
  })
}

function intervalOf (estimate: Pick<Estimate, 'low' | 'high'> | null): Interval | null { return estimate && [estimate.low, estimate.high] }

/**
 * Compares the served answers of stops with their probes, and says whether stops seem to lose, or surely lose, more EM than is tolerated.
 * EM is a fraction, of all treated generations.
 * @param level chance that the interval ever excludes the true difference
 */
export function describeFidelity (fidelity: Fidelity, level: number) {
  const difference = servedDifference(fidelity, level)
  return {
    stops: fidelity.stops,
    /** Stops that await a label, their own or an earlier one's. */
    awaiting_label: fidelity.queued,
    ratio: fidelityRatio(fidelity),
    em_drop: difference?.estimate ?? null,
    interval: intervalOf(difference),
    breach: isBreached(fidelity) ? 'breached' as const : BREACH.isSuspected(fidelity.detector) ? 'suspected' as const : 'none' as const,
  }
}
