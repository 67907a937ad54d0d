import { NO_ARMS, type Arms } from '../certificate/compare-arms.js'
import { NO_DRIFT, type Drift } from '../certificate/drift.js'
import { NO_EVIDENCE, type Evidence } from '../certificate/evidence.js'
import { mergeEvidence } from '../certificate/merge-evidence.js'
import type { Levels } from '../policy/context.js'
import type { EvidenceByToken } from './evidence-by-token.js'
import type { Label, Policy } from '../policy/policy.js'
import type { CertificationTerms } from '../policy/certification-terms.js'
import type { OpenEvidence } from '../certificate/open-evidence.js'
import type { Trial } from './trial.js'
import type { Guarantee } from './guarantee.js'
import type { RequestedGuarantee } from './requested-guarantee.js'

/** Why an epoch began. */
export type EpochCause = 'first_enrolment' | 'policy' | 'configuration' | 'reset' | 'drift' | 'evidence_stale' | 'checkpoint' | 'breach'

/** The meaning of evidence. Evidence under one meaning proves nothing under another, so a change of any field opens an epoch. */
export interface Meaning {
  readonly score: 'confidence'
  readonly label: Label
  readonly missing_labels: Policy['missing_labels']
  readonly missing_outcomes: Policy['missing_outcomes']
  /** Whether evidence is taken in the order of enrolment, or on arrival. */
  readonly is_enrolled: boolean
  readonly min_tokens: number
  readonly check_every_tokens: number
  readonly check_growth: number
  readonly levels: string
}

/** The checkpoint of a training run that a context serves, and the certificate of the previous one: an expectation, not evidence. */
export interface ServedCheckpoint {
  readonly run: string
  readonly step: number
  readonly expected: Expected | null
}

export interface Expected {
  /** Run and step of the previous checkpoint, where known. */
  readonly run?: string | null
  readonly step: number | null
  readonly threshold: number
  /** Name of the predictor whose score the threshold is for; absent: the raw confidence. */
  readonly scorer?: string
  readonly tokens_saved_ratio: number
  readonly em_drop: number
}

/** Counts of this epoch: enrolled units by their fate, and outcomes that are no evidence. */
export interface FollowUp {
  readonly enrolled: number
  readonly accounted: number
  /** Outcome, complete steps or label never came; counted as lost, or excluded. */
  readonly missing: number
  readonly excluded: number
  readonly cancelled: number
  /** Enrolments that came too late, under another epoch, or beyond what a context may have open. */
  readonly void: number
  /** Control outcomes of units that were not enrolled, and of units that had gone missing before. */
  readonly unenrolled: number
  readonly late: number
  /** Control outcomes of enrolled units with their steps, and how many of these needed a label and got it. */
  readonly reported: number
  readonly labels_wanted: number
  readonly labels_given: number
  /** Outcomes some of whose signals were left out, since they have too many names (see `SignalNames`). */
  readonly signals_refused: number
}

export const NO_FOLLOW_UP: FollowUp = {
  enrolled: 0,
  accounted: 0,
  missing: 0,
  excluded: 0,
  cancelled: 0,
  void: 0,
  unenrolled: 0,
  late: 0,
  reported: 0,
  labels_wanted: 0,
  labels_given: 0,
  signals_refused: 0,
}

/** All that is learned about a context. Only the learner writes it; times are the log's, in ms. */
export interface ContextState {
  readonly epoch: number
  readonly epoch_cause: EpochCause
  readonly epoch_started_at: number
  /** Name of the epoch: the id of the log entry that opened it. Enrolments under another name are void. */
  readonly epoch_name: string
  readonly meaning: Meaning
  /** The guarantee requested when the epoch's evidence began; another one is post hoc. */
  readonly requested: RequestedGuarantee & Pick<Policy, 'predictor'>
  /** Evidence of the raw confidence: the half-window being filled, and the full one before it. */
  readonly halves: readonly [Evidence, Evidence]
  /** Evidence of the raw confidence in ended slices that are not final yet: the longest prefix. */
  readonly open: OpenEvidence
  /** Index of the loosest threshold of the raw confidence that some prefix has certified since the half-window turned, -1 for none. */
  readonly certified: number
  readonly drift: Drift
  /** Whether a suspicion of drift has raised an `auto` control share. */
  readonly is_suspected: boolean
  /** The predictors on trial, oldest first. */
  readonly trials: readonly Trial[]
  /** Challengers that the epoch has had. */
  readonly challengers: number
  /** Name of the predictor whose threshold the learner has in force; `null`: the raw confidence's, or none. */
  readonly serving: string | null
  /** Index of that threshold in its scorer's grid, -1 for none. */
  readonly threshold_index: number
  readonly threshold: number | null
  /** The terms behind that judgement; absent before the first. */
  readonly judged_by?: CertificationTerms
  /** The guarantee that replicas show: frozen between changes, so that all replicas agree at one version. */
  readonly guarantee: Guarantee | null
  readonly control_share: number
  /** Generations reported in this epoch, of either arm. */
  readonly generations: number
  readonly follow_up: FollowUp
  /** Enrolments of either arm that are not accounted for yet. Set with the commit of the cohort. */
  readonly open_enrolments: number
  /** Treated generations reported in this epoch. */
  readonly treated: number
  readonly arms: Arms
  /** Number of the first slice that is compared: a change of mode or pin restarts the comparison. */
  readonly arms_from: number
  /** ln E of the threshold in force: the largest since it came into force, and the current one; `null`: no threshold is in force. */
  readonly log_evidence: { readonly best: number, readonly now: number } | null
  /** Estimate over all epochs of the tokens that stops have saved, probes not counted. */
  readonly tokens_saved_gross: number
  /** Over all epochs and both arms: tokens decoded for probes, and tokens prefilled again for them. */
  readonly probe_tokens: number
  readonly probe_prefill_tokens: number
  readonly last_evidence_at: number | null
  readonly updated_at: number
  /** How much of this epoch's evidence each token reported (see evidence-by-token.ts); absent where the service has no tokens. */
  readonly fed_by?: EvidenceByToken | undefined
  /** Absent where no training run names the context; `null` after a reset, until a run names it again. */
  readonly checkpoint?: ServedCheckpoint | null | undefined
}

export function meaningOf (policy: Policy, levels: Levels): Meaning {
  const { label, missing_labels, missing_outcomes, min_tokens, check_every_tokens, check_growth } = policy
  const is_enrolled = policy.follow_up_seconds > 0
  const cadence = { min_tokens, check_every_tokens, check_growth }
  return { score: 'confidence', label, missing_labels, missing_outcomes, is_enrolled, ...cadence, levels: levels.join() }
}

export function sameMeaning (a: Meaning, b: Meaning): boolean {
  return a.score === b.score && a.label === b.label && a.missing_labels === b.missing_labels && a.missing_outcomes === b.missing_outcomes &&
    a.is_enrolled === b.is_enrolled && a.min_tokens === b.min_tokens && a.check_every_tokens === b.check_every_tokens &&
    a.check_growth === b.check_growth &&
    a.levels === b.levels
}

/**
 * A new epoch, with nothing of the last one's evidence. `previous` is absent for a new context.
 * @param name id of the log entry that opens it
 */
export function openEpoch (
  previous: ContextState | undefined, cause: EpochCause, policy: Policy, levels: Levels,
  opening: { readonly time: number, readonly name: string }
): ContextState {
  const { time, name } = opening
  return {
    epoch: (previous?.epoch ?? 0) + 1,
    epoch_cause: cause,
    epoch_started_at: time,
    epoch_name: name,
    meaning: meaningOf(policy, levels),
    requested: { max_em_drop: policy.max_em_drop, error_level: policy.error_level, predictor: policy.predictor },
    halves: [NO_EVIDENCE, NO_EVIDENCE],
    open: { evidence: NO_EVIDENCE, unaccounted: 0 },
    certified: -1,
    drift: NO_DRIFT,
    is_suspected: false,
    trials: [],
    challengers: 0,
    serving: null,
    threshold_index: -1,
    threshold: null,
    guarantee: null,
    control_share: 1,
    generations: 0,
    follow_up: NO_FOLLOW_UP,
    open_enrolments: 0,
    treated: 0,
    arms: NO_ARMS,
    arms_from: 0,
    log_evidence: null,
    tokens_saved_gross: previous?.tokens_saved_gross ?? 0,
    probe_tokens: previous?.probe_tokens ?? 0,
    probe_prefill_tokens: previous?.probe_prefill_tokens ?? 0,
    last_evidence_at: null,
    updated_at: time,
    ...(previous !== undefined && servedAfter(previous, cause)),
  }
}

/** A reset may mean other weights, so it forgets the checkpoint; any other epoch keeps it. */
function servedAfter ({ checkpoint }: ContextState, cause: EpochCause): Pick<ContextState, 'checkpoint'> {
  if (cause === 'reset') return { checkpoint: null }
  return checkpoint === undefined ? {} : { checkpoint }
}

/** What is known of the raw confidence: the half-windows, and what the open slices add. */
export function evidenceOf ({ halves, open }: Pick<ContextState, 'halves' | 'open'>): Evidence {
  return mergeEvidence(mergeHalves(halves), open.evidence)
}

export function mergeHalves ([filling, full]: readonly [Evidence, Evidence]): Evidence {
  return mergeEvidence(filling, full)
}

/** Share of the enrolled units of final slices that are accounted for, cancelled ones aside; 1 before there are any. */
export function followUpRatio ({ follow_up: { accounted, missing, excluded } }: ContextState): number {
  const all = accounted + missing + excluded
  return all === 0 ? 1 : accounted / all
}

/** Share of the units of final slices whose client went away. */
export function cancelledRatio ({ follow_up: { accounted, missing, excluded, cancelled } }: ContextState): number {
  return cancelled === 0 ? 0 : cancelled / (accounted + missing + excluded + cancelled)
}

/** Share of the control outcomes that needed a label of their own; `null` before there are any. */
export function labelsNeededRatio ({ follow_up: { reported, labels_wanted: wanted } }: ContextState): number | null {
  return reported === 0 ? null : wanted / reported
}
