import { zeroList } from './add-lists.js'
import type { Evidence } from './evidence.js'

/** Evidence as it is stored: a list of zeros is empty, since most are. */
export type PackedEvidence = Evidence

/** Shares its lists with the evidence, which must not be added to until the result is written. */
export function packEvidence (evidence: Evidence): PackedEvidence {
  const { lost, gained, unprobed } = evidence
  return { ...evidence, lost: packed(lost), gained: packed(gained), unprobed: packed(unprobed) }
}

const NOTHING: readonly number[] = []

function packed (list: readonly number[]): readonly number[] { return list.every((value) => value === 0) ? NOTHING : list }

/** The evidence that was stored; lists of zeros are shared. */
export function unpackEvidence (stored: PackedEvidence): Evidence {
  const zeros = zeroList(stored.tokens.length)
  const unpacked = (list: readonly number[]) => list.length === 0 ? zeros : list
  return { ...stored, lost: unpacked(stored.lost), gained: unpacked(stored.gained), unprobed: unpacked(stored.unprobed) }
}
