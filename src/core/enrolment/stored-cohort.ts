import type { Evidence, Unit } from '../certificate/evidence.js'
import type { Member } from './member.js'
import type { Slice } from './slice.js'
import type { EarlyOutcome } from './early-outcome.js'

interface Until { readonly value: number, readonly until: number }

/** A slice as it is stored: what in memory is a map is a list of pairs. */
export type StoredSlice = Omit<Slice, 'evidence' | 'watched'> & {
  readonly evidence: ReadonlyArray<readonly [number, Evidence]>
  readonly watched: ReadonlyArray<readonly [number, Evidence]>
}

/** A member as it is stored, its slice by number. Most members have only been enrolled, and are a short list: u, arm, share, at, slice. */
export type StoredMember =
  | readonly [u: number, isControl: 0 | 1, share: number, at: number, slice: number]
  | Omit<Member, 'slice' | 'sums'> & { readonly slice: number, readonly sums: ReadonlyArray<readonly [number, Unit]> }

/** A cohort as it is stored, plain values only. */
export interface StoredCohort {
  readonly epoch: string
  readonly next_slice: number
  readonly looked_at: number
  readonly is_changed: boolean
  readonly is_publication_next: boolean
  readonly cutoffs: readonly Until[]
  readonly shares: readonly Until[]
  readonly void_until: number
  readonly recent: ReadonlyArray<readonly [number, number]>
  readonly missed: readonly number[]
  readonly early: readonly EarlyOutcome[]
  readonly slices: readonly StoredSlice[]
  readonly members: readonly StoredMember[]
}

export function storeSlice (slice: Slice): StoredSlice {
  return { ...slice, open: { ...slice.open }, evidence: [...slice.evidence], watched: [...slice.watched] }
}

export function restoreSlice (stored: StoredSlice): Slice {
  return { ...stored, open: { ...stored.open }, evidence: new Map(stored.evidence), watched: new Map(stored.watched) }
}

export function storeMember (member: Member): StoredMember {
  const { u, arm, share, at, slice, samples, reported, leftOut, cancelled, unlabelled, lost, atWorst, waiting, sums } = member
  const { graded, em, measured, tokens } = member
  if (samples === null && reported === 0) return [u, arm === 'control' ? 1 : 0, share, at, slice.number]
  // A spread takes three times as long, and each commit stores up to 4,096 members.
  return {
    u,
    arm,
    share,
    at,
    slice: slice.number,
    samples,
    reported,
    leftOut,
    cancelled,
    unlabelled,
    lost,
    atWorst,
    waiting,
    sums: [...sums],
    graded,
    em,
    measured,
    tokens,
  }
}

export function restoreMember (stored: StoredMember, slices: ReadonlyMap<number, Slice>, newMember: (draw: Pick<Member, 'u' | 'arm' | 'share' | 'at' | 'slice'>) => Member): Member {
  if (!Array.isArray(stored)) {
    const whole = stored as Exclude<StoredMember, readonly unknown[]>
    return { ...whole, slice: slices.get(whole.slice)!, waiting: [...whole.waiting], sums: new Map(whole.sums) }
  }
  const [u, isControl, share, at, slice] = stored as Extract<StoredMember, readonly unknown[]>
  return newMember({ u, arm: isControl === 1 ? 'control' : 'treated', share, at, slice: slices.get(slice)! })
}
