import { EIGHTHS } from '../../../src/core/stats/certificate.js'
import { addUnitTo, newSum } from '../../../src/core/stats/evidence-sum.js'
import { type Evidence, zeroList } from '../../../src/core/stats/evidence.js'
import type { OpenEvidence } from '../../../src/core/stats/prefixes.js'

// The looks of test/data/vectors/evidence.json, by an independent implementation of rules E4 and E8.

/** A slice: its time in seconds, and the difference of each unit at every threshold; `null`: the unit is open. */
export interface ReferenceSlice {
  readonly begin: number
  readonly end: number
  readonly units: ReadonlyArray<{ readonly d: readonly number[] | null }>
}

export interface Look {
  readonly name: string
  readonly max_em_drop: number
  readonly look: number
  readonly evidence_span_seconds: number
  readonly slices: readonly ReferenceSlice[]
  readonly prefixes: ReadonlyArray<{
    readonly slices: number
    readonly spans: boolean
    readonly quarter: boolean
    readonly ln_evidence: readonly number[]
    readonly ln_evidence_known_since: readonly number[]
    readonly certified: number
  }>
  readonly certified: number
}

/** Evidence of units, given by the difference of each at every threshold. */
export function evidenceOfUnits (units: ReadonlyArray<readonly number[]>, thresholds = units[0]!.length): Evidence {
  const sum = newSum(thresholds)
  const zeros = zeroList(thresholds)
  for (const differences of units) {
    const eighths = differences.map((difference) => EIGHTHS * difference)
    addUnitTo(sum, { tokens: 0, em: 0, labelled: 0, unprobed_generations: 0, eighths, stopped_tokens: zeros, unprobed: zeros })
  }
  return sum
}

/** A slice that has ended and is not final. */
export function openOf ({ units }: ReferenceSlice): OpenEvidence {
  const known = units.flatMap(({ d }) => d === null ? [] : [d])
  return { evidence: evidenceOfUnits(known, 3), unaccounted: units.length - known.length }
}
