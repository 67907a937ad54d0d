import { NO_ARMS, type Arms } from '../certificate/compare-arms.js'
import { NO_DRIFT, type Drift } from '../certificate/drift.js'
import { NO_EVIDENCE, mergeEvidence, type Evidence } from '../certificate/evidence.js'
import type { Levels } from '../policy/context.js'
import type { EvidenceByToken } from './evidence-by-token.js'
import type { Label, Policy } from '../policy/policy.js'
import type { CertificationTerms } from '../policy/certification-terms.js'
import type { Trial } from './trial.js'
import type { Guarantee } from './guarantee.js'
import type { RequestedGuarantee } from './requested-guarantee.js'

/** Why an epoch began. */
export type EpochCause = 'first_outcome' | 'policy' | 'configuration' | 'reset' | 'drift' | 'evidence_stale' | 'checkpoint'

/** What evidence means. Evidence of one meaning says nothing under another, so a change of any field opens an epoch. */
export interface Meaning {
  readonly score: 'confidence'
  readonly label: Label
  readonly missing_labels: Policy['missing_labels']
  readonly min_tokens: number
  readonly check_every_tokens: number
  readonly levels: string
}

/** The checkpoint of a training run that a context serves, and what the previous one had certified: an expectation, not evidence. */
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
  /** The context drifted or was reset and has certified nothing since. Until then it does not fall back on a parent, across epochs. */
  readonly is_recovering: boolean
  readonly epoch_started_at: number
  readonly settles_at: number
  /** Until then generations begun under other control shares arrive, and only draws below the lowest of them, `narrow_share`, count. */
  readonly narrows_until: number
  readonly narrow_share: number
  readonly meaning: Meaning
  /** The guarantee requested when the epoch's evidence began; another one is post hoc. */
  readonly requested: RequestedGuarantee & Pick<Policy, 'predictor'>
  /** Evidence of the raw confidence: the half-window being filled, and the full one before it. */
  readonly halves: readonly [Evidence, Evidence]
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
  /** Outcomes that became evidence in this epoch. The next six count outcomes that did not, by the reason in their name. */
  readonly labelled: number
  readonly unlabelled: number
  readonly unstepped: number
  readonly unsettled: number
  readonly siblings: number
  readonly unknown_arm: number
  /** Control outcomes of this epoch that were dropped because too many were waiting for labels. */
  readonly crowded_out: number
  /** Treated generations reported in this epoch. */
  readonly treated: number
  /** Outcomes that wait for a label, of any epoch. */
  readonly awaiting_label: number
  /** Whether any outcome of this epoch has waited for its label. */
  readonly has_waited: boolean
  readonly arms: Arms
  /** Only outcomes that arrived since then are compared: earlier ones began under another epoch or mode. */
  readonly arms_since: number
  /** Estimate over all epochs of the tokens that stops have saved. */
  readonly tokens_saved: number
  readonly last_evidence_at: number | null
  readonly updated_at: number
  /** How much of this epoch's evidence each token reported (see evidence-by-token.ts); absent where the service has no tokens. */
  readonly fed_by?: EvidenceByToken | undefined
  /** Absent where no training run names the context; `null` after a reset, until a run names it again. */
  readonly checkpoint?: ServedCheckpoint | null | undefined
}

export function meaningOf (policy: Policy, levels: Levels): Meaning {
  const { label, missing_labels, min_tokens, check_every_tokens } = policy
  return { score: 'confidence', label, missing_labels, min_tokens, check_every_tokens, levels: levels.join() }
}

export function sameMeaning (a: Meaning, b: Meaning): boolean {
  return a.score === b.score && a.label === b.label && a.missing_labels === b.missing_labels && a.min_tokens === b.min_tokens &&
    a.check_every_tokens === b.check_every_tokens && a.levels === b.levels
}

/** Opens an epoch without any evidence. @param previous absent for a new context */
export function openEpoch (
  previous: ContextState | undefined, cause: EpochCause, policy: Policy, levels: Levels, time: number,
  settlesAt = time + policy.settle_seconds * 1000
): ContextState {
  return {
    epoch: (previous?.epoch ?? 0) + 1,
    epoch_cause: cause,
    is_recovering: cause === 'drift' || cause === 'reset' || cause === 'checkpoint' || (previous?.is_recovering === true && previous.threshold_index === -1),
    epoch_started_at: time,
    settles_at: settlesAt,
    narrows_until: time,
    narrow_share: 1,
    meaning: meaningOf(policy, levels),
    requested: { max_em_drop: policy.max_em_drop, error_level: policy.error_level, predictor: policy.predictor },
    halves: [NO_EVIDENCE, NO_EVIDENCE],
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
    labelled: 0,
    unlabelled: 0,
    unstepped: 0,
    unsettled: 0,
    siblings: 0,
    unknown_arm: 0,
    crowded_out: 0,
    treated: 0,
    awaiting_label: previous?.awaiting_label ?? 0,
    has_waited: (previous?.awaiting_label ?? 0) > 0,
    arms: NO_ARMS,
    arms_since: settlesAt,
    tokens_saved: previous?.tokens_saved ?? 0,
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

/** The evidence of the raw confidence. */
export function evidenceOf (state: ContextState): Evidence {
  return mergeHalves(state.halves)
}

export function mergeHalves ([filling, full]: readonly [Evidence, Evidence]): Evidence {
  return mergeEvidence(filling, full)
}

/** Share of the possible evidence that came with a label of the policy's kind; 1 before any outcome. */
export function labelledRatio ({ labelled, unlabelled }: ContextState): number {
  return labelled + unlabelled === 0 ? 1 : labelled / (labelled + unlabelled)
}
