import { EIGHTHS } from '../stats/certificate.js'
import type { Wealth } from '../guards/detector.js'
import { DRIFT, NO_DRIFT } from '../guards/drift.js'
import { addUnit, packEvidence, unpackEvidence } from '../stats/evidence-sum.js'
import { emDrop, type Evidence, noEvidence, type EvidenceUnit } from '../stats/evidence.js'
import { ASIDE } from './slice.js'

/** Control units that a new member runs in full before it is stopped, and those that suffice if they lose nothing on balance. */
export const FIRST_UNITS = 30
export const FIRST_LOSSLESS_UNITS = 10
/** Net losses of a member at which it leaves its pool, if they are also this share of its control units. */
const MOST_LOSSES = 10
const MOST_LOST_SHARE = MOST_LOSSES / FIRST_UNITS

/** A pool member's own evidence in the epoch of the pool. The pool's certificate is about the average over its members. */
export interface Membership {
  /** Name of the pool's epoch. In another epoch none of this counts, and a member that had left is back. */
  readonly epoch: string
  /** Control units so far in that epoch. */
  readonly units: number
  /** Whether it has run its first units in full, so that it is not new any more. */
  readonly is_known: boolean
  /** Units of which a label is missing count as lost. */
  readonly evidence: Evidence
  /** The same without them, of which estimates are made. Absent: none is missing. */
  readonly accounted?: Evidence | undefined
  /** The drift detector of the member alone. */
  readonly drift: Wealth
  /** Slices that the detector has not watched yet, since they were not final when this was written. */
  readonly unwatched: readonly UnwatchedSlice[]
  /** When the detector alarmed, or it had too many net losses, so that it left the pool, in the log's time, ms; `null`: it has not left. */
  readonly left_at: number | null
}

interface UnwatchedSlice {
  /** Number of the slice in the pool. */
  readonly slice: number
  /** Units by their difference at the threshold that was in force. */
  readonly units: ReadonlyArray<readonly [difference: number, units: number]>
}

/** A control unit of a member, and the pool that it is accounted for in. */
export interface MemberUnit {
  readonly unit: EvidenceUnit
  /** Whether none of its labels is missing; otherwise the unit is the worst case. */
  readonly isKnown: boolean
  /** Number of its slice (`ASIDE`: its draw is no evidence of the pool), and of the first slice of the pool that is not final yet. */
  readonly slice: number
  readonly firstOpen: number
  /** Name of the pool's epoch, and the index of its threshold in force; -1: none is. */
  readonly epoch: string
  readonly index: number
  /** The drop that the pool's evidence is tested for. */
  readonly bound: number
  /** Of the log, ms. */
  readonly time: number
}

/**
 * Adds a unit. The detector watches final slices of the pool only, as that of the pool does, or the long generations of a burst, which end
 * last, would look like drift. A slice that has become final is watched at the member's next unit.
 * @param last `undefined` before the member's first unit
 */
export function addToMembership (last: Membership | undefined, added: MemberUnit): Membership {
  const { unit, isKnown, slice, firstOpen, epoch, index, bound, time } = added
  const before = last?.epoch === epoch ? last : undefined
  const evidence = before?.evidence ?? noEvidence(unit.eighths.length)
  const units = (before?.units ?? 0) + 1
  const sum = addUnit(evidence, unit)
  const isLossless = index !== -1 && sum.generations === FIRST_LOSSLESS_UNITS && emDrop(sum, index) <= 0
  const known = before?.accounted ?? evidence
  const accounted = isKnown && before?.accounted === undefined ? undefined : isKnown ? addUnit(known, unit) : known
  const shown = { epoch, units, is_known: before?.is_known === true || units >= FIRST_UNITS || isLossless, evidence: sum, accounted }
  const { drift = NO_DRIFT, unwatched = [], left_at = null } = before ?? {}
  if (left_at !== null) return { ...shown, drift, unwatched: [], left_at }
  const waiting = index === -1 || slice === ASIDE ? unwatched : withUnit(unwatched, slice, unit.eighths[index]! / EIGHTHS)
  const final = waiting.filter((one) => one.slice < firstOpen)
  const watched = final.reduce((m, { units }) => DRIFT.watchSlice(m, units, bound), drift)
  return {
    ...shown,
    drift: watched,
    unwatched: waiting.filter((one) => one.slice >= firstOpen),
    left_at: DRIFT.isAlarmed(watched) || isLosing(shown, index) ? time : null,
  }
}

/**
 * Whether a member loses so much at a threshold that it need not wait for its detector: ten net losses in its first units,
 * or as large a share of more. A member within the bound of its pool practically never does (see docs/evidence/guards.md).
 * @param index of the threshold in force; -1: none is
 */
export function isLosing ({ evidence }: Pick<Membership, 'evidence'>, index: number): boolean {
  if (index === -1) return false
  const share = emDrop(evidence, index)
  return share >= MOST_LOST_SHARE && share * evidence.generations >= MOST_LOSSES
}

/** The membership with its detector at its start. A member that has left stays out. */
export function restartDetector (membership: Membership): Membership {
  return { ...membership, drift: NO_DRIFT, unwatched: [] }
}

/** The membership in the next epoch of its context: one that has left returns with the pool's next epoch, not with its own. */
export function membershipAfter (membership: Membership | undefined): Membership | undefined {
  return membership?.left_at == null ? undefined : membership
}

export function packMembership (membership: Membership): Membership {
  return withSums(membership, packEvidence)
}

export function unpackMembership (stored: Membership): Membership { return withSums(stored, unpackEvidence) }

function withSums (membership: Membership, convert: (sum: Evidence) => Evidence): Membership {
  const { evidence, accounted } = membership
  return { ...membership, evidence: convert(evidence), accounted: accounted && convert(accounted) }
}

/** The slices with a unit more, in their order. */
function withUnit (slices: readonly UnwatchedSlice[], slice: number, difference: number): UnwatchedSlice[] {
  const its = slices.find((one) => one.slice === slice)
  const units = new Map(its?.units)
  units.set(difference, (units.get(difference) ?? 0) + 1)
  return [...slices.filter((one) => one !== its), { slice, units: [...units] }].sort((a, b) => a.slice - b.slice)
}

/** Whether a context that has left this epoch of its pool is still away; it is back with the pool's next epoch. */
export function hasLeft (leftEpoch: string | null, poolEpoch: string | null | undefined): boolean {
  return leftEpoch !== null && leftEpoch === poolEpoch
}

/** Name of the pool's epoch in which a context is not new any more; `null`: none. */
export function knownEpochOf (state: { readonly membership?: Membership | undefined } | undefined): string | null {
  const { epoch, is_known: isKnown } = state?.membership ?? { epoch: null, is_known: false }
  return isKnown ? epoch : null
}

/** Name of the pool's epoch that a context has left; `null`: none. */
export function leftEpochOf (state: { readonly membership?: Membership | undefined } | undefined): string | null {
  const { epoch, left_at: leftAt } = state?.membership ?? { epoch: null, left_at: null }
  return leftAt === null ? null : epoch
}
