import { addEvidenceTo, addUnitTo, sumFrom } from './evidence-sum.js'
import { noEvidence, thresholdsOf, type Evidence } from './evidence.js'
import type { Stop, Trace } from './stops.js'
import { unitOf, type Unit } from './unit.js'

/** The evidence with one more unit in it. */
export function addUnit (evidence: Evidence, unit: Unit): Evidence {
  const sum = sumFrom(evidence)
  addUnitTo(sum, unit)
  return sum
}

/** The evidence with the unit of one generation. */
export function addTrace (evidence: Evidence, trace: Trace, stops: readonly Stop[]): Evidence {
  return addUnit(evidence, unitOf(trace, stops))
}

/** The sum of two, for the same grid. */
export function mergeEvidence (a: Evidence, b: Evidence): Evidence {
  if (a.generations === 0) return b
  if (b.generations === 0) return a
  const sum = sumFrom(a)
  addEvidenceTo(sum, b)
  return sum
}

/** The half-windows with more evidence; once the filling one is full it takes the place of the old one. @param window units in both */
export function fillHalves (
  [filling, full]: readonly [Evidence, Evidence], more: Evidence, window: number): readonly [Evidence, Evidence] {
  const filled = mergeEvidence(filling, more)
  return filled.generations >= window / 2 ? [noEvidence(thresholdsOf(filled)), filled] : [filled, full]
}
