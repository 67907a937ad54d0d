import { BUDGETS, GRID } from '../decide/grid.js'
import { type Policy, TOKENS } from '../policy/policy.js'

// Rule E9: the error budget. Each epoch that people, repairs or a recovery opened after the first is another look at the traffic. The
// first epoch has the error level, the k-th look after it 1 / (k (k + 1)) of it, which add up to twice the level at most. k falls by one
// for each evidence age, but not sooner than in a week: a short age for the time of a reset would renew the budget. Of its level an epoch
// pays for the audit of a judge, and for a guarantee that was requested after its evidence had begun.

/** Why an epoch began. */
export type EpochCause =
  'first_enrolment' | 'policy' | 'configuration' | 'reset' | 'drift' | 'evidence_stale' | 'checkpoint' | 'breach' | 'repair' | 'recovered' |
  'probe_form' | 'predictor' | 'import'

/** Causes that people decide on; the repair of reports, which may come as often as they break; and the recovery of spoilt evidence. */
const LOOKS: readonly EpochCause[] = ['policy', 'configuration', 'reset', 'probe_form', 'repair', 'recovered', 'predictor', 'import']

export interface Looks {
  readonly count: number
  /** When the last one began, or the number last fell, ms. */
  readonly at: number
  /** The largest error level of the ended epochs that the sum of the looks covers; 0 without any. */
  readonly level: number
  /** Control units of the ended epochs, since the last one that had a threshold in force or that no look followed. */
  readonly uncertified: number
}

const NO_LOOKS: Looks = { count: 0, at: 0, level: 0, uncertified: 0 }

/** The part of an epoch that the looks of the next one depend on. */
export interface EndedEpoch {
  readonly looks: Looks
  /** The error level that was requested for it. */
  readonly error_level: number
  /** Whether a threshold was in force. */
  readonly is_served: boolean
  /** Whether anything was reported: an epoch without any report is no look. */
  readonly is_reported: boolean
  /** Control units that were accounted for, or missing. */
  readonly units: number
}

const LEAST_AGE_SECONDS = 604_800

/** The looks of the epoch after another one. @param ended `undefined`: it is the first */
export function looksAfter (
  ended: EndedEpoch | undefined, cause: EpochCause, { max_evidence_age_seconds: age }: Pick<Policy, 'max_evidence_age_seconds'>, time: number
): Looks {
  if (ended === undefined) return NO_LOOKS
  const { looks: { count, at }, is_served: isServed, is_reported: isReported } = ended
  const step = 1000 * Math.max(age, LEAST_AGE_SECONDS)
  const passed = Math.min(count, Math.max(0, Math.floor((time - at) / step)))
  const isLook = LOOKS.includes(cause)
  const uncertified = isLook && !isServed ? uncertifiedUnits(ended) : 0
  const left = count - passed
  const level = Math.max(left === 0 ? 0 : ended.looks.level, isReported ? ended.error_level : 0)
  if (isLook && isReported) return { count: left + 1, at: time, level, uncertified }
  return { count: left, at: at + passed * step, level: left === 0 ? 0 : level, uncertified } // none left: the present epoch is the first
}

/** Control units that were accounted for without a threshold in force: no look makes further ones free. */
export function uncertifiedUnits ({ looks, units }: Pick<EndedEpoch, 'looks' | 'units'>): number { return looks.uncertified + units }

/**
 * The looks of an epoch that an import opened. They are those of the store that it replaced if these are more: otherwise restoring the
 * backup of before each loss would certify any drop.
 * @param opened the looks by the import alone
 * @param replaced the epoch of the same context in that store; `undefined`: there was none
 */
export function looksOfImport (opened: Looks, replaced: EndedEpoch | undefined, policy: Policy, time: number): Looks {
  const other = looksAfter(replaced, 'import', policy, time)
  const level = Math.max(opened.level, other.level)
  return { ...(other.count > opened.count ? other : opened), level, uncertified: Math.max(opened.uncertified, other.uncertified) }
}

/** The part of the error level that an epoch has. */
export function lookShare ({ count }: Pick<Looks, 'count'>): number { return count === 0 ? 1 : 1 / (count * (count + 1)) }

/** The chance, at most, that any of the epochs that people opened certifies wrongly; an earlier one may have had another error level. */
export function totalLevel ({ count, level }: Pick<Looks, 'count' | 'level'>, { error_level: now }: Pick<Policy, 'error_level'>): number {
  return (2 - 1 / (count + 1)) * Math.max(level, now)
}

/** The part of the level that pays for the chance that the audited limits of a judge's errors are wrong. */
const AUDIT_PART = 0.2

type LevelPolicy = Pick<Policy, 'error_level' | 'judge_miss_rate'>

/** The level that is left for the evidence. */
export function testedLevel ({ error_level: level, judge_miss_rate: missRate }: LevelPolicy): number {
  return missRate === null ? level : (1 - AUDIT_PART) * level
}

/** ln of the value that E must reach in a first epoch. */
export function firstBar (policy: LevelPolicy): number { return Math.log(1 / testedLevel(policy)) }

/** The guarantee that was requested when the evidence of an epoch began; another one is post hoc. */
export interface RequestedGuarantee { readonly max_em_drop: number, readonly error_level: number }

export function requestOf ({ max_em_drop, error_level }: RequestedGuarantee): RequestedGuarantee { return { max_em_drop, error_level } }

/**
 * A guarantee requested after the first evidence must reach a bar that is higher by this factor. It covers every bound that could be tried:
 * E grows with the bound, so if it is too large at any bound below the drop of a threshold, it is at that drop itself. The first threshold
 * that loses too much depends on the bound, and may be any of the 30, or of the 37 budgets: each has its part of the level.
 */
function postHocFactor (score: string): number { return score === TOKENS ? BUDGETS.length : GRID.length }

/** The part of an epoch that its bar depends on. */
interface Budgeted {
  readonly requested: RequestedGuarantee
  readonly looks: Looks
  readonly meaning: { readonly score: string }
}

/** Whether a policy requested its guarantee after the first evidence. */
export function isPostHoc ({ requested }: Pick<Budgeted, 'requested'>, { max_em_drop: bound, error_level: level }: RequestedGuarantee): boolean {
  return requested.max_em_drop !== bound || requested.error_level !== level
}

/** ln of the value that E must reach. */
export function barOf (epoch: Budgeted, policy: LevelPolicy & RequestedGuarantee): number {
  return Math.log((isPostHoc(epoch, policy) ? postHocFactor(epoch.meaning.score) : 1) / (testedLevel(policy) * lookShare(epoch.looks)))
}
