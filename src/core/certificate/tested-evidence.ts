import { type Differences, losslessUnits } from './certificate.js'
import {
  addDifferenceSums, differencesIn, type DifferenceSums, differenceSumFrom, noDifferences, packDifferences, unpackDifferences,
} from './difference-sums.js'
import type { Evidence } from './evidence.js'

/** The evidence that is tested: of the units that the span counts (see `evidence-span.ts`), since the epoch began. */
export interface TestedEvidence {
  /** When it began, by the follow-up clock and in the log's time, ms. */
  readonly at: number
  readonly time: number
  /** The units of final slices. */
  readonly final: DifferenceSums
  readonly open: OpenDifferences
}

/** The same of ended slices that are not final, and the number of units there that are not accounted for: a test counts them as lost. */
export interface OpenDifferences { readonly sums: DifferenceSums, readonly unaccounted: number }

/** A moment by the follow-up clock and in the log's time, ms. */
export interface Moment { readonly clock: number, readonly time: number }

export function nothingTested (thresholds: number, { clock: at, time }: Moment): TestedEvidence {
  const none = noDifferences(thresholds)
  return { at, time, final: none, open: { sums: none, unaccounted: 0 } }
}

/** All units of some evidence, as final ones. */
export function allTested ({ generations, lost, gained, partial }: Evidence): TestedEvidence {
  const final = { generations, lost, gained, ...(partial !== undefined && { partial }) }
  return { ...nothingTested(lost.length, { clock: 0, time: 0 }), final }
}

/** N0: units without a loss or gain that a first certificate takes. @param logBar ln of the value that E must reach */
export function unitsOfFirstCertificate (a: number, logBar: number): number {
  let byBar = firstUnits.get(a)
  if (byBar === undefined) {
    if (firstUnits.size >= MAX_REMEMBERED) firstUnits.clear()
    firstUnits.set(a, byBar = new Map<number, number>())
  }
  let units = byBar.get(logBar)
  if (units === undefined) {
    if (byBar.size >= MAX_REMEMBERED) byBar.clear()
    byBar.set(logBar, units = losslessUnits(a, logBar))
  }
  return units
}

/** N0 by tolerance and bar: every outcome asks for it. */
const firstUnits = new Map<number, Map<number, number>>()
const MAX_REMEMBERED = 128

/** Adds the units of a final slice. */
export function addFinal (tested: TestedEvidence, sums: DifferenceSums | null): TestedEvidence {
  if (sums === null) return tested
  const final = differenceSumFrom(tested.final)
  addDifferenceSums(final, sums)
  return { ...tested, final }
}

/** The evidence with these open slices. */
export function withOpen (tested: TestedEvidence, slices: readonly OpenDifferences[]): TestedEvidence {
  const sums = differenceSumFrom(noDifferences(tested.final.lost.length))
  for (const slice of slices) addDifferenceSums(sums, slice.sums)
  return { ...tested, open: { sums, unaccounted: slices.reduce((total, { unaccounted }) => total + unaccounted, 0) } }
}

/** The differences of all known units at threshold k; with `atWorst` those that are not accounted for count as lost. */
export function differencesOf ({ final, open: { sums, unaccounted } }: TestedEvidence, k: number, atWorst = false): Differences {
  return addDifferences(differencesIn(final, k), differencesIn(sums, k, atWorst ? unaccounted : 0))
}

/**
 * The differences at threshold k of every prefix that may certify, the shortest first: the final slices, and these with each run of open
 * slices that follows them.
 * @param open what each ended open slice adds
 */
export function prefixesAt ({ final }: TestedEvidence, open: readonly OpenDifferences[], k: number): Differences[] {
  const prefixes = [differencesIn(final, k)]
  for (const { sums, unaccounted } of open) prefixes.push(addDifferences(prefixes.at(-1)!, differencesIn(sums, k, unaccounted)))
  return prefixes
}

export function addDifferences (a: Differences, b: Differences): Differences {
  const partial = [...a.partial ?? [], ...b.partial ?? []]
  const sums = { lost: a.lost + b.lost, kept: a.kept + b.kept, gained: a.gained + b.gained }
  return partial.length === 0 ? sums : { ...sums, partial }
}

/** Tested evidence as it is stored. */
export function packTested ({ final, open, ...moment }: TestedEvidence): TestedEvidence {
  return { ...moment, final: packDifferences(final), open: { ...open, sums: packDifferences(open.sums) } }
}

/** Tested evidence that was stored. */
export function unpackTested ({ final, open, ...moment }: TestedEvidence, thresholds: number): TestedEvidence {
  return { ...moment, final: unpackDifferences(final, thresholds), open: { ...open, sums: unpackDifferences(open.sums, thresholds) } }
}
