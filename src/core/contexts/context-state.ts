import type { BreachHold } from '../certificate/breach.js'
import { type Drift, NO_DRIFT } from '../certificate/drift.js'
import { type Fidelity, NO_FIDELITY, NO_STOPS, type StopTotals } from '../certificate/fidelity.js'
import { mergeEvidence, type OpenEvidence } from '../certificate/evidence-sum.js'
import { type Evidence, noEvidence } from '../certificate/evidence.js'
import { type NewestUnits, NO_NEWEST } from '../certificate/newest-units.js'
import { nothingTested, type TestedEvidence } from '../certificate/tested-evidence.js'
import type { Levels } from '../policy/context.js'
import type { CertificationTerms, Policy } from '../policy/policy.js'
import type { LivePredictors } from '../predictor/predictor-version.js'
import { type Arms, NO_ARMS } from './arms.js'
import { type Cadences, NO_CADENCES } from './cadences.js'
import { type CheckDistance, distanceAfter, FIRST_DISTANCE } from './check-distance.js'
import type { CountsByName } from './counts-by-name.js'
import { type FollowUp, NO_FOLLOW_UP, NO_RECENT_COUNTS, type RecentCounts } from './follow-up-counts.js'
import { type GraderCounts, NO_GRADER } from './grader.js'
import type { Guarantee, RequestedGuarantee } from './guarantee.js'
import type { LabelLosses } from './label-losses.js'
import { leftEpochOf, type Membership } from './membership.js'
import type { ProbeFormState } from './probe-form.js'
import { NO_SPENDING, type ProbeSpending, type Unlikely } from './probe-spending.js'
import { type DailySavings, firstDay, NO_SAVINGS, type Savings } from './savings.js'
import type { SavingsHistory } from './savings-history.js'
import { scoreOfPolicy, scoreTerms } from './score.js'

/** Why an epoch began. */
export type EpochCause =
  'first_enrolment' | 'policy' | 'configuration' | 'reset' | 'drift' | 'evidence_stale' | 'checkpoint' | 'breach' | 'repair' | 'recovered' |
  'probe_form' | 'predictor'

/** The checkpoint of a training run that a context serves, and the certificate of the previous one: an expectation, not evidence. */
interface ServedCheckpoint {
  readonly run: string
  readonly step: number
  readonly expected: ExpectedCertificate | null
  /** Set once a checkpoint has continued an epoch: the step served when the epoch began, as far as it is known. */
  readonly since?: number
}

export interface ExpectedCertificate {
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
  readonly meaning: EvidenceTerms
  readonly looks: Looks
  /** How workers force answers; part of the meaning of the evidence. `null`: no worker has said. */
  readonly probe_form: ProbeFormState | null
  /** The guarantee requested when the epoch's evidence began; another one is post hoc. */
  readonly requested: RequestedGuarantee
  /** Evidence in final slices. */
  readonly evidence: Evidence
  /** Evidence in ended slices that are not final yet: the longest prefix. */
  readonly open: OpenEvidence
  /** Evidence that is tested. */
  readonly tested: TestedEvidence
  /** The newest of its units, by which spoilt evidence recovers. */
  readonly newest: NewestUnits
  /** Index of the loosest threshold that some prefix has certified, -1 for none. */
  readonly certified: number
  /** The detector of drift after the final slices, by which the alarm is raised; and after all that is known, which is a suspicion. */
  readonly drift_final: Drift
  readonly drift: Drift
  /** Whether a suspicion of drift has raised an `auto` control share. */
  readonly is_suspected: boolean
  /** Index of the threshold that the learner has in force, -1 for none. */
  readonly threshold_index: number
  readonly threshold: number | null
  /** The terms behind that judgement; absent before the first. */
  readonly judged_by?: CertificationTerms
  /** The guarantee that replicas show: frozen between changes, so that all replicas agree at one version. */
  readonly guarantee: Guarantee | null
  readonly control_share: number
  /** Why nothing is likely to be certified; `null`: something is, or little is known yet, or a threshold is in force. */
  readonly unlikely: Unlikely | null
  /** Generations reported in this epoch, of either arm. */
  readonly generations: number
  readonly follow_up: FollowUp
  readonly recent: RecentCounts
  /** Enrolments that are not accounted for yet. Set with the commit of the cohort. */
  readonly open_enrolments: number
  /** Treated generations reported in this epoch. */
  readonly treated: number
  readonly arms: Arms
  /** Whether stops serve the answers that were probed, as far as their differences are known and no earlier one awaits its label. */
  readonly fidelity: Fidelity
  /** Over all epochs. */
  readonly stops: StopTotals
  /** Thresholds that a breach withdrew here, over all epochs; of the root, those of all contexts. */
  readonly breaches: number
  /** The hold after the last breach, which may be over; `null`: there was none since the last reset. */
  readonly hold: BreachHold | null
  /** How often both arms ask. */
  readonly cadences: Cadences
  /** How far apart checks are where the policy says `auto`. */
  readonly check_distance: CheckDistance
  /** Whether the grades of this epoch can mean anything. */
  readonly grader: GraderCounts
  /** ln E of the threshold in force: the largest since it came into force, and the current one; `null`: no threshold is in force. */
  readonly log_evidence: { readonly best: number, readonly now: number } | null
  readonly savings: Savings
  /** Over all epochs and both arms: tokens decoded for probes, and tokens prefilled again for them. */
  readonly probe_tokens: number
  readonly probe_prefill_tokens: number
  /** Over the last generations, of all epochs. */
  readonly spending: ProbeSpending
  /** Traffic, and the net savings of the last whole day; of all epochs. */
  readonly day: DailySavings
  /** Of the root alone. */
  readonly savings_history?: SavingsHistory | undefined
  readonly last_evidence_at: number | null
  readonly updated_at: number
  /** How many late labels of this epoch each grader gave; absent: none stated its name. */
  readonly label_sources?: CountsByName | undefined
  /** What late labels of this epoch have shown; absent: every outcome came with its grade. */
  readonly label_losses?: LabelLosses | undefined
  /** How much of this epoch's evidence each token reported; absent where the service has no tokens. */
  readonly fed_by?: CountsByName | undefined
  /** Absent where no training run names the context; `null` after a reset, until a run names it again. */
  readonly checkpoint?: ServedCheckpoint | null | undefined
  /** A pool member's own evidence. Absent before there is any. */
  readonly membership?: Membership | undefined
}

/**
 * Epochs after the first that people, repairs or a recovery opened, each another look at the traffic (rule E9). They share a budget: the
 * first has the level, the k-th after it 1 / (k (k + 1)) of it, which add up to twice the level at most. The number falls by one for each
 * evidence age.
 */
interface Looks {
  readonly count: number
  /** When the last one began, or the number last fell, ms. */
  readonly at: number
}

const NO_PREDICTORS: LivePredictors = new Map()

const NO_LOOKS: Looks = { count: 0, at: 0 }

/** Causes that people decide on; the repair of reports, which may come as often as they break; and the recovery of spoilt evidence. */
const LOOKS: readonly EpochCause[] = ['policy', 'configuration', 'reset', 'probe_form', 'repair', 'recovered', 'predictor']

/** An epoch without any report is no look. */
function looksAfter (
  previous: ContextState | undefined, cause: EpochCause, { max_evidence_age_seconds: age }: Policy, time: number): Looks {
  if (previous === undefined) return NO_LOOKS
  const { count, at } = previous.looks
  const passed = Math.min(count, Math.max(0, Math.floor((time - at) / (1000 * age))))
  if (LOOKS.includes(cause) && isReported(previous)) return { count: count - passed + 1, at: time }
  return passed === 0 ? previous.looks : { count: count - passed, at: at + passed * 1000 * age }
}

/** The part of the error level that an epoch has. */
export function lookShare ({ count }: Looks): number { return count === 0 ? 1 : 1 / (count * (count + 1)) }

/** The chance that any of the epochs that people opened certifies wrongly, as a multiple of the error level. */
export function totalLookShare ({ count }: Looks): number { return 2 - 1 / (count + 1) }

/**
 * A new epoch, with nothing of the last one's evidence. `previous` is absent for a new context.
 * @param opening `name`: id of the log entry that opens it; `clock`: the follow-up clock, ms
 */
export function openEpoch (
  previous: ContextState | undefined, cause: EpochCause, policy: Policy, levels: Levels,
  opening: { readonly time: number, readonly name: string, readonly clock?: number, readonly predictors?: LivePredictors }
): ContextState {
  const { time, name, clock = 0, predictors = NO_PREDICTORS } = opening
  const thresholds = scoreOfPolicy(policy, levels, predictors)?.grid.length ?? 0 // without its predictor, an epoch gathers no evidence
  return {
    epoch: (previous?.epoch ?? 0) + 1,
    epoch_cause: cause,
    epoch_started_at: time,
    epoch_name: name,
    meaning: evidenceTermsOf(policy, levels, predictors),
    looks: looksAfter(previous, cause, policy, time),
    probe_form: cause === 'reset' ? null : previous?.probe_form ?? null, // a reset may mean another model
    requested: { max_em_drop: policy.max_em_drop, error_level: policy.error_level },
    evidence: noEvidence(thresholds),
    open: { evidence: noEvidence(thresholds), unaccounted: 0 },
    tested: nothingTested(thresholds, { clock, time }),
    newest: NO_NEWEST,
    certified: -1,
    drift_final: NO_DRIFT,
    drift: NO_DRIFT,
    is_suspected: false,
    threshold_index: -1,
    threshold: null,
    guarantee: null,
    control_share: 1,
    unlikely: null,
    generations: 0,
    follow_up: NO_FOLLOW_UP,
    recent: NO_RECENT_COUNTS,
    open_enrolments: 0,
    treated: 0,
    arms: NO_ARMS,
    fidelity: NO_FIDELITY,
    stops: previous?.stops ?? NO_STOPS,
    breaches: previous?.breaches ?? 0,
    hold: previous?.hold ?? null,
    cadences: NO_CADENCES,
    check_distance: previous === undefined || areProbesOther(cause) ? FIRST_DISTANCE : distanceAfter(previous.check_distance),
    grader: NO_GRADER,
    log_evidence: null,
    savings: previous?.savings ?? NO_SAVINGS,
    probe_tokens: previous?.probe_tokens ?? 0,
    probe_prefill_tokens: previous?.probe_prefill_tokens ?? 0,
    spending: previous?.spending ?? NO_SPENDING,
    day: previous?.day ?? firstDay(time),
    last_evidence_at: null,
    updated_at: time,
    ...(previous?.savings_history !== undefined && { savings_history: previous.savings_history }),
    ...(previous !== undefined && servedAfter(previous, cause)),
    ...(leftEpochOf(previous) !== null && { membership: previous?.membership }), // it returns with the pool's next epoch, not with its own
  }
}

/** Another probe form, or another model after a reset, takes other tokens for a probe. */
function areProbesOther (cause: EpochCause): boolean { return cause === 'reset' || cause === 'probe_form' }

/** A reset may mean other weights, so it forgets the checkpoint; any other epoch keeps it. */
function servedAfter ({ checkpoint }: ContextState, cause: EpochCause): Pick<ContextState, 'checkpoint'> {
  if (cause === 'reset') return { checkpoint: null }
  if (checkpoint?.since !== undefined) return { checkpoint: { ...checkpoint, since: checkpoint.step } }
  return checkpoint === undefined ? {} : { checkpoint }
}

/** The evidence of final and of open slices. */
export function evidenceOf ({ evidence, open }: Pick<ContextState, 'evidence' | 'open'>): Evidence {
  return mergeEvidence(evidence, open.evidence)
}

/** The meaning of evidence. Evidence under one meaning proves nothing under another, so a change of any field opens an epoch. */
export type EvidenceTerms = Readonly<ReturnType<typeof evidenceTermsOf>>

export function evidenceTermsOf (policy: Policy, levels: Levels, predictors: LivePredictors = NO_PREDICTORS) {
  const { label, judge_miss_rate, judge_gain_share } = policy
  const { min_tokens, check_every_tokens, check_growth } = policy
  const score = scoreTerms(policy, levels, predictors)
  const is_enrolled = policy.follow_up_seconds > 0 // whether evidence is taken in the order of enrolment, or on arrival
  const evidence_span_seconds = is_enrolled ? policy.evidence_span_seconds : 0 // on arrival there is no span
  const cadence = { min_tokens, check_every_tokens, check_growth }
  const judge = { judge_miss_rate, judge_gain_share: judge_miss_rate === null ? 0 : judge_gain_share }
  return { ...score, label, ...judge, is_enrolled, evidence_span_seconds, ...cadence, levels: levels.join() }
}

export function haveSameEvidenceTerms (a: EvidenceTerms, b: EvidenceTerms): boolean {
  return a.score === b.score && a.score_fingerprint === b.score_fingerprint && a.label === b.label &&
    a.judge_miss_rate === b.judge_miss_rate && a.judge_gain_share === b.judge_gain_share &&
    a.is_enrolled === b.is_enrolled && a.evidence_span_seconds === b.evidence_span_seconds && a.min_tokens === b.min_tokens &&
    a.check_every_tokens === b.check_every_tokens && a.check_growth === b.check_growth && a.levels === b.levels
}

/** A state under another requested guarantee. Before any evidence, a changed request is as good as the first; later it is post hoc. */
export function requestGuarantee (state: ContextState, { max_em_drop, error_level }: Policy): ContextState {
  const requested = !isReported(state) && isUnseen(state) ? { max_em_drop, error_level } : state.requested
  return { ...state, requested }
}

/** Whether anything was reported in the epoch, also in a slice that has not ended. */
function isReported ({ follow_up: { reported, accounted, missing } }: ContextState): boolean {
  return reported + accounted + missing > 0
}

/** Whether nothing was counted in its evidence. */
export function isUnseen ({ evidence, open }: Pick<ContextState, 'evidence' | 'open'>): boolean {
  return evidence.generations + open.evidence.generations + open.unaccounted === 0
}

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
    looks: state.looks,
    probe_form: state.probe_form,
    requested: state.requested,
    evidence: state.evidence,
    open: state.open,
    tested: state.tested,
    newest: state.newest,
    certified: state.certified,
    drift_final: state.drift_final,
    drift: state.drift,
    is_suspected: state.is_suspected,
    threshold_index: state.threshold_index,
    threshold: state.threshold,
    guarantee: state.guarantee,
    control_share: state.control_share,
    unlikely: state.unlikely,
    generations: state.generations,
    follow_up: state.follow_up,
    recent: state.recent,
    open_enrolments: state.open_enrolments,
    treated: state.treated,
    arms: state.arms,
    fidelity: state.fidelity,
    stops: state.stops,
    breaches: state.breaches,
    hold: state.hold,
    cadences: state.cadences,
    check_distance: state.check_distance,
    grader: state.grader,
    log_evidence: state.log_evidence,
    savings: state.savings,
    probe_tokens: state.probe_tokens,
    probe_prefill_tokens: state.probe_prefill_tokens,
    spending: state.spending,
    day: state.day,
    last_evidence_at: state.last_evidence_at,
    updated_at: state.updated_at,
    judged_by: state.judged_by,
    label_sources: state.label_sources,
    label_losses: state.label_losses,
    fed_by: state.fed_by,
    checkpoint: state.checkpoint,
    membership: state.membership,
    savings_history: state.savings_history,
  }
  return Object.assign(copy, changes)
}
