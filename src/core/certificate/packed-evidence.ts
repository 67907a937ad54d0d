import { zeroList } from './add-lists.js'
import type { Evidence } from './evidence.js'

/** Evidence as it is stored: a list of zeros is empty, since most are. */
export type PackedEvidence = Evidence

/** Shares its lists with the evidence, which must not be added to until the result is written. */
export function packEvidence (evidence: Evidence): PackedEvidence {
  return withLists(evidence, packed)
}

const NOTHING: readonly number[] = []

function packed (list: readonly number[]): readonly number[] { return list.every((value) => value === 0) ? NOTHING : list }

/** The evidence that was stored; lists of zeros are shared. */
export function unpackEvidence (stored: PackedEvidence): Evidence {
  const zeros = zeroList(stored.tokens.length)
  return withLists(stored, (list) => list.length === 0 ? zeros : list)
}

/** Names each field, since an object spread would take several times as long. */
function withLists (evidence: Evidence, change: (list: readonly number[]) => readonly number[]): Evidence {
  const { probe_tokens, partial, moved } = evidence
  return {
    generations: evidence.generations,
    full_tokens: evidence.full_tokens,
    full_em: evidence.full_em,
    labelled: evidence.labelled,
    unprobed_generations: evidence.unprobed_generations,
    lost: change(evidence.lost),
    gained: change(evidence.gained),
    unprobed: change(evidence.unprobed),
    tokens: evidence.tokens,
    ...(probe_tokens !== undefined && { probe_tokens }),
    ...(partial !== undefined && { partial }),
    ...(moved !== undefined && { moved }),
  }
}
