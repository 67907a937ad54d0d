import { tokensSaved } from '../certificate/evidence.js'
import { testedBound, testedLevel } from '../certificate/judge-errors.js'
import { isHealed } from '../certificate/newest-units.js'
import { certificationTerms, type Policy } from '../policy/policy.js'
import { cadenceOfTreated } from './cadences.js'
import { type ContextState, copyState, evidenceOf } from './context-state.js'
import { cancelledRatio, type FollowUp, leftOutRatio } from './follow-up-counts.js'
import { isGraderBroken, isGraderRepaired, isGraderSilent, isGraderSuspicious, isGraderUnseen } from './grader.js'
import { isValidityLow, RETRIED_AFTER } from './probe-form.js'

/** A check of whether reports are evidence at all: what is wrong, as a clause, and what to change. */
interface EvidenceCheck { readonly problem: string, readonly cure: string }

/** The checks by their warnings. docs/operate/monitoring.md has a paragraph for each. */
export const EVIDENCE_CHECKS = {
  steps_missing: {
    problem: 'control outcomes lack steps for which a decision was asked, so they count as missing',
    cure: 'send every step with its outcome, and their number as steps_asked',
  },
  grader_broken: {
    problem: 'answers that differ always have the same EM, answers that are equal have not, or all answers are the same, so nothing is certified',
    cure: 'check the grader and the extraction of answers; the counts are in grader of the context',
  },
  grader_unseen: {
    problem: 'EM is the same at all probes of a generation, and no answers are stated, so nobody sees whether the grader works',
    cure: 'send the answer with outcomes and with probed steps, beside em',
  },
  cadences_differ: {
    problem: 'treated generations ask more often than control ones, so they stop where nothing was probed and nothing is certified, or less often, so they save less',
    cure: 'ask at next_check_tokens in both arms, send it as due_tokens with the next step, and then reset the context',
  },
  prompt_unmarked: {
    problem: 'outcomes do not say whether other samples share their prompt; such samples resemble each other and should count once',
    cure: 'send group_id, prompt_hash, or samples 1 where a prompt has no other sample: above twice the bound nothing further is certified',
  },
  answers_unprobed: {
    problem: 'in most control generations no check has an answer, since answers are longer than a probe may be, or probes fail or come too late, so nothing can be certified',
    cure: 'let probes be longer, or give generations with long answers a context of their own with mode off; check the ends of probes in the metrics of the proxy or plug-in',
  },
  left_out_high: {
    problem: 'more control generations are left out of the evidence than may be lost: they were never enrolled, or there was no room for them',
    cure: 'ask at the first check of each generation under the id of its outcome',
  },
  lists_late: {
    problem: 'more control generations are left out of the evidence than may be lost, since lists of enrolments reached the store too late: it was away or slow',
    cure: 'change nothing in workers; check the store if it stays',
  },
  cancelled_high: {
    problem: 'more control generations are cancelled than may be lost, and a certificate says nothing about them',
    cure: 'report cancelled only where the client went away, and check why clients do',
  },
  probe_form_missing: {
    problem: `no way to force an answer gives the answers that the model itself then gives, so nothing is probed; it is tried again after ${RETRIED_AFTER} generations`,
    cure: 'read probe_form.tried of the context, then state how its answers look by the option probe, and by its suffix',
  },
  probe_validity_low: {
    problem: 'answers that are forced at the end of the reasoning often differ from the real ones',
    cure: 'reset the context to have the form found again, or state how the answers look by the option probe',
  },
} as const satisfies Record<string, EvidenceCheck>

export type EvidenceWarning = keyof typeof EVIDENCE_CHECKS

export const EVIDENCE_WARNINGS = Object.keys(EVIDENCE_CHECKS) as EvidenceWarning[]

export function isEvidenceWarning (warning: string): warning is EvidenceWarning { return Object.hasOwn(EVIDENCE_CHECKS, warning) }

/** Below this number a share says little. */
const FEW = 4

/** Share of control generations without a probed answer above which the context is warned about. */
const MOSTLY = 0.5

/** Whether a part of all exceeds a share of it. */
function exceeds (part: number, all: number, share: number): boolean { return part >= FEW && part > share * all }

/** The checks that a context fails. @param policy of the context */
export function evidenceWarnings (state: ContextState, policy: Policy): EvidenceWarning[] {
  const { follow_up: counts, recent, cadences, grader, probe_form: form } = state
  const { max_em_drop: bound } = policy
  const warnings: EvidenceWarning[] = []
  if (exceeds(recent.steps_missing, recent.reported + recent.steps_missing, bound)) warnings.push('steps_missing')
  if (exceeds(recent.unmarked, recent.reported, bound) || !areMarked(counts, bound)) warnings.push('prompt_unmarked')
  if (exceeds(recent.unanswered, recent.reported, MOSTLY)) warnings.push('answers_unprobed')
  if (cadenceOfTreated(cadences) !== null) warnings.push('cadences_differ')
  if (isGraderBroken(grader) || isGraderSilent(grader)) warnings.push('grader_broken')
  if (isGraderUnseen(grader)) warnings.push('grader_unseen')
  warnings.push(...leftOutWarnings(state, bound))
  if (counts.cancelled >= FEW && cancelledRatio(state) > bound) warnings.push('cancelled_high')
  if (form !== null && form.form === null) warnings.push('probe_form_missing')
  if (form !== null && isValidityLow(form)) warnings.push('probe_validity_low')
  return warnings
}

/** Whether too many are left out, and whether workers or late lists are why. */
function leftOutWarnings ({ follow_up: counts, recent }: Pick<ContextState, 'follow_up' | 'recent'>, bound: number): EvidenceWarning[] {
  const all = (sums: Pick<FollowUp, 'enrolled' | 'left_out'>) => sums.enrolled + sums.left_out
  const isHigh = (countOf: (sums: Pick<FollowUp, 'left_out' | 'listed_late'>) => number) =>
    exceeds(countOf(recent), all(recent), bound) || exceeds(countOf(counts), all(counts), 2 * bound)
  const warnings: EvidenceWarning[] = []
  if (isHigh(({ left_out: leftOut, listed_late: late }) => leftOut - late)) warnings.push('left_out_high')
  if (isHigh(({ listed_late: late }) => late)) warnings.push('lists_late')
  if (warnings.length === 0 && isHigh(({ left_out: leftOut }) => leftOut)) warnings.push('left_out_high') // either alone would be few enough
  return warnings
}

type Watched = Pick<ContextState, 'follow_up' | 'recent' | 'grader'>

/** Those that are left out may be the hard ones. @param waiting further control units that may turn out to be left out */
function areEnrolled (counts: Pick<FollowUp, 'enrolled' | 'left_out'>, bound: number, waiting = 0): boolean {
  return leftOutRatio(counts, waiting) <= 2 * bound
}

/** Those that are unmarked may be samples of one prompt. */
function areMarked ({ reported, unmarked }: Pick<FollowUp, 'reported' | 'unmarked'>, bound: number): boolean {
  return unmarked <= 2 * bound * reported
}

/**
 * Whether a threshold may be certified: the grader shows differences, and of the epoch and of late, no more than twice the bound is left
 * out or unmarked. A certificate that was given stays: later reports say nothing about its evidence.
 * @param waiting control outcomes that nothing has enrolled yet. They are compared with the epoch alone: where generations end before
 *   their lists arrive, some always wait, and fast traffic would never be certified
 */
export function mayCertify (
  { follow_up: counts, recent, grader }: Watched, { max_em_drop: bound }: Pick<Policy, 'max_em_drop'>, waiting = 0): boolean {
  return !isGraderSuspicious(grader) && !grader.is_spoilt &&
    areEnrolled(counts, bound, waiting) && areEnrolled(recent, bound) && areMarked(counts, bound) && areMarked(recent, bound)
}

/**
 * Whether evidence has to begin again, since a fault is repaired under which it was gathered: the grader shows differences again, or what
 * forbade a certificate is no more than the bound of late. A context that has a certificate keeps it with its evidence.
 */
export function isRepaired (
  state: Watched & Pick<ContextState, 'certified'>, { max_em_drop: bound }: Pick<Policy, 'max_em_drop'>): boolean {
  const { follow_up: counts, recent, grader } = state
  if (isGraderRepaired(grader)) return true
  const isEnrolling = !areEnrolled(counts, bound) && areEnrolled(recent, bound / 2)
  const isMarking = !areMarked(counts, bound) && areMarked(recent, bound / 2)
  return (isEnrolling || isMarking || grader.is_spoilt) && state.certified === -1
}

/** The terms by which spoilt evidence recovers: those of a first certificate. */
export function recoveryTerms (policy: Pick<Policy, 'max_em_drop' | 'error_level' | 'judge_miss_rate'>) {
  return { a: testedBound(policy), logBar: Math.log(1 / testedLevel(policy)) }
}

/**
 * Whether spoilt evidence has to begin again (rule E9): no threshold that saves is certified, the first that is not certified has lost its
 * evidence, and its newest units alone would certify it.
 */
export function isRecovered (state: ContextState, policy: Policy): boolean {
  const { tested, newest, certified } = state
  const isSaving = certified !== -1 && tokensSaved(evidenceOf(state), certified) > 0 // the loosest saves most
  if (newest.threshold !== certified + 1 || isSaving) return false
  const { a, logBar } = recoveryTerms(policy)
  return isHealed(newest, tested.final, a, logBar)
}

/** The state after a look by a policy, with no threshold certified that was not before. */
export function withoutNewCertificates (before: Pick<ContextState, 'certified'>, after: ContextState, policy: Policy): ContextState {
  return copyState(after, {
    judged_by: certificationTerms(policy), // otherwise the evidence would be judged again
    certified: Math.min(before.certified, after.certified),
  })
}
