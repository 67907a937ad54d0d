import { addToList } from './add-lists.js'
import { EIGHTHS } from './certificate.js'
import { noEvidence, thresholdsOf, type Evidence } from './evidence.js'
import type { Unit } from './unit.js'

/** Evidence that is added to in place: a copy for each unit would take most of the learner's time. */
export type EvidenceSum = { -readonly [F in keyof Evidence]: Evidence[F] extends readonly number[] ? number[] : Evidence[F] } & {
  probe_tokens?: number[]
  partial?: Record<string, number[]>
  moved?: Record<string, Record<string, number>>
}

export function newSum (thresholds: number): EvidenceSum { return sumFrom(noEvidence(thresholds)) }

/** A sum that begins with some evidence, which stays as it is. The fields are written out: a spread takes several times as long. */
export function sumFrom (evidence: Evidence): EvidenceSum {
  const { probe_tokens: probeTokens, partial, moved } = evidence
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
  if (moved !== undefined) sum.moved = Object.fromEntries(Object.entries(moved).map(([k, changes]) => [k, { ...changes }]))
  return sum
}

export function addUnitTo (sum: EvidenceSum, unit: Unit): void {
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
    const next = eighths[k + 1]
    if (next !== undefined && next !== difference) addMoved(sum, k, `${difference}:${next}`, 1)
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
  for (const k in more.moved) for (const change in more.moved[k]) addMoved(sum, k, change, more.moved[k]![change]!)
}

function addMoved (sum: EvidenceSum, k: number | string, change: string, units: number): void {
  const changes = (sum.moved ??= {})[k] ??= {}
  changes[change] = (changes[change] ?? 0) + units
}

function addProbeTokens (sum: EvidenceSum, more: readonly number[] | undefined): void {
  if (more === undefined) return
  if (sum.probe_tokens === undefined) sum.probe_tokens = more.slice()
  else addToList(sum.probe_tokens, more)
}

/** Units by threshold that lost or gained this part only. */
function partOf (sum: EvidenceSum, eighths: number | string): number[] {
  sum.partial ??= {}
  const units = sum.partial[eighths] ?? new Array<number>(thresholdsOf(sum)).fill(0)
  sum.partial[eighths] = units
  return units
}

function copyLists (lists: NonNullable<Evidence['partial']>): Record<string, number[]> {
  return Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, list.slice()]))
}
