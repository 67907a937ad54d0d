import { EIGHTHS } from './certificate.js'
import { addToList, type Evidence, noEvidence, thresholdsOf, type EvidenceUnit, evidenceUnitOf, zeroList } from './evidence.js'
import type { Stop, Trace } from './trace.js'

/** Evidence that is added to in place: a copy for each unit would take most of the learner's time. */
export type EvidenceSum = { -readonly [F in keyof Evidence]: Evidence[F] extends readonly number[] ? number[] : Evidence[F] } & {
  probe_tokens?: number[]
  partial?: Record<string, number[]>
}

export function newSum (thresholds: number): EvidenceSum { return sumFrom(noEvidence(thresholds)) }

/** A sum that begins with some evidence, which is not changed. The fields are written out: a spread takes several times as long. */
export function sumFrom (evidence: Evidence): EvidenceSum {
  const { probe_tokens: probeTokens, partial } = evidence
  const sum: EvidenceSum = {
    generations: evidence.generations,
    full_tokens: evidence.full_tokens,
    full_em: evidence.full_em,
    labelled: evidence.labelled,
    unprobed_generations: evidence.unprobed_generations,
    lost: evidence.lost.slice(),
    gained: evidence.gained.slice(),
    unprobed: evidence.unprobed.slice(),
    tokens: evidence.tokens.slice(),
  }
  if (probeTokens !== undefined) sum.probe_tokens = probeTokens.slice()
  if (partial !== undefined) sum.partial = copyLists(partial)
  return sum
}

export function addUnitTo (sum: EvidenceSum, unit: EvidenceUnit): void {
  const { eighths } = unit
  sum.generations++
  sum.full_tokens += unit.tokens
  sum.full_em += unit.em
  sum.labelled += unit.labelled
  sum.unprobed_generations += unit.unprobed_generations
  addToList(sum.tokens, unit.stopped_tokens)
  addProbeTokens(sum, unit.probe_tokens)
  if (unit.unprobed_generations > 0) addToList(sum.unprobed, unit.unprobed)
  for (let k = 0; k < eighths.length; k++) {
    const difference = eighths[k]!
    if (difference === 0) continue
    if (difference > 0) sum.lost[k]! += difference / EIGHTHS; else sum.gained[k]! -= difference / EIGHTHS
    if (difference % EIGHTHS !== 0) partOf(sum, difference)[k]!++
  }
}

export function addEvidenceTo (sum: EvidenceSum, more: Evidence): void {
  if (more.generations === 0) return
  sum.generations += more.generations
  sum.full_tokens += more.full_tokens
  sum.full_em += more.full_em
  sum.labelled += more.labelled
  sum.unprobed_generations += more.unprobed_generations
  addToList(sum.lost, more.lost)
  addToList(sum.gained, more.gained)
  addToList(sum.unprobed, more.unprobed)
  addToList(sum.tokens, more.tokens)
  addProbeTokens(sum, more.probe_tokens)
  for (const [eighths, units] of Object.entries(more.partial ?? {})) addToList(partOf(sum, eighths), units)
}

function addProbeTokens (sum: EvidenceSum, more: readonly number[] | undefined): void {
  if (more === undefined) return
  if (sum.probe_tokens === undefined) sum.probe_tokens = more.slice()
  else addToList(sum.probe_tokens, more)
}

/** Numbers of units, by threshold, whose difference is this many eighths. */
function partOf (sum: EvidenceSum, eighths: number | string): number[] {
  sum.partial ??= {}
  const units = sum.partial[eighths] ?? new Array<number>(thresholdsOf(sum)).fill(0)
  sum.partial[eighths] = units
  return units
}

function copyLists (lists: NonNullable<Evidence['partial']>): Record<string, number[]> {
  return Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, list.slice()]))
}

/** The evidence with one more unit in it. */
export function addUnit (evidence: Evidence, unit: EvidenceUnit): Evidence {
  const sum = sumFrom(evidence)
  addUnitTo(sum, unit)
  return sum
}

/** The evidence with the unit of one generation. */
export function addTrace (evidence: Evidence, trace: Trace, stops: readonly Stop[]): Evidence {
  return addUnit(evidence, evidenceUnitOf(trace, stops))
}

/** The sum of two pieces of evidence for the same grid. */
export function mergeEvidence (a: Evidence, b: Evidence): Evidence {
  if (a.generations === 0) return b
  if (b.generations === 0) return a
  const sum = sumFrom(a)
  addEvidenceTo(sum, b)
  return sum
}

/** Evidence as it is stored: a list of zeros becomes an empty list, since most lists are zeros. */
export type PackedEvidence = Evidence

/** Shares its lists with the evidence, which must not be added to until the result is written. */
export function packEvidence (evidence: Evidence): PackedEvidence {
  return withLists(evidence, packed)
}

const NOTHING: readonly number[] = []

function packed (list: readonly number[]): readonly number[] { return list.every((value) => value === 0) ? NOTHING : list }

/** The evidence that was stored; all lists of zeros are one shared list. */
export function unpackEvidence (stored: PackedEvidence): Evidence {
  const zeros = zeroList(stored.tokens.length)
  return withLists(stored, (list) => list.length === 0 ? zeros : list)
}

/** Names each field, since an object spread would take several times as long. */
function withLists (evidence: Evidence, change: (list: readonly number[]) => readonly number[]): Evidence {
  const { probe_tokens, partial } = evidence
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
  }
}
