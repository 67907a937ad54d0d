import { zeroList } from './add-lists.js'
import type { Evidence } from './evidence.js'
import { sumFrom } from './evidence-sum.js'

/** Evidence as it is stored: a list of zeros is empty, since most are. */
export type PackedEvidence = Evidence

/** A copy that stays as it is when the evidence is added to, since commits are encoded while the learner goes on. */
export function packEvidence (evidence: Evidence): PackedEvidence {
  const packed = sumFrom(evidence)
  for (const list of ['lost', 'gained', 'unprobed'] as const) if (packed[list].every((value) => value === 0)) packed[list] = []
  return packed
}

/** The evidence that was stored; lists of zeros are shared. */
export function unpackEvidence (stored: PackedEvidence): Evidence {
  const zeros = zeroList(stored.tokens.length)
  const unpacked = (list: readonly number[]) => list.length === 0 ? zeros : list
  return { ...stored, lost: unpacked(stored.lost), gained: unpacked(stored.gained), unprobed: unpacked(stored.unprobed) }
}
