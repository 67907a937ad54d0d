import { NO_ARMS, type Arms } from '../certificate/compare-arms.js'
import { NO_DRIFT, type Drift } from '../certificate/drift.js'
import { NO_EVIDENCE, type Evidence } from '../certificate/evidence.js'
import { mergeEvidence } from '../certificate/merge-evidence.js'
import type { Levels } from '../policy/context.js'
import type { EvidenceByToken } from './evidence-by-token.js'
import { NO_FOLLOW_UP, type FollowUp } from './follow-up-counts.js'
import { meaningOf, type Meaning } from './meaning.js'
import { leftEpochOf, type Membership } from './membership.js'
import type { Policy } from '../policy/policy.js'
import type { CertificationTerms } from '../policy/certification-terms.js'
import type { OpenEvidence } from '../certificate/open-evidence.js'
import type { Trial } from './trial.js'
import type { Guarantee } from './guarantee.js'
import type { RequestedGuarantee } from './requested-guarantee.js'

/** Why an epoch began. */
export type EpochCause = 'first_enrolment' | 'policy' | 'configuration' | 'reset' | 'drift' | 'evidence_stale' | 'checkpoint' | 'breach'

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
  /** Of a member of a pool: what it has itself shown there. Absent before it has shown anything. */
  readonly membership?: Membership | undefined
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
    ...(leftEpochOf(previous) !== null && { membership: previous?.membership }), // it returns with the pool's next epoch, not with its own
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
