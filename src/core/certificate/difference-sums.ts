import { type Differences, EIGHTHS } from './certificate.js'
import { addToList, differencesAt, type Evidence, zeroList } from './evidence.js'

/** The sums that the test of the thresholds needs: of the differences of units, by threshold. */
export type DifferenceSums = Pick<Evidence, 'generations' | 'lost' | 'gained' | 'partial'>

/** Sums that are added to in place. Lists are shared zeros until a unit loses or gains something, since most units do neither. */
export interface DifferenceSum {
  generations: number
  lost: readonly number[]
  gained: readonly number[]
  partial?: Record<string, number[]>
}

export function noDifferences (thresholds: number): DifferenceSums {
  const zeros = zeroList(thresholds)
  return { generations: 0, lost: zeros, gained: zeros }
}

/** A sum that begins with some differences, which are not changed. */
export function differenceSumFrom ({ generations, lost, gained, partial }: DifferenceSums): DifferenceSum {
  const sum: DifferenceSum = { generations, lost: copied(lost), gained: copied(gained) }
  if (partial !== undefined) sum.partial = Object.fromEntries(Object.entries(partial).map(([eighths, units]) => [eighths, units.slice()]))
  return sum
}

function copied (list: readonly number[]): readonly number[] { return list === zeroList(list.length) ? list : list.slice() }

/** Adds one unit, given by its difference at each threshold in eighths. */
export function addDifferencesOf (sum: DifferenceSum, eighths: readonly number[]): void {
  sum.generations++
  for (let k = 0; k < eighths.length; k++) {
    const difference = eighths[k]!
    if (difference === 0) continue
    if (difference > 0) ownList(sum, 'lost')[k]! += difference / EIGHTHS; else ownList(sum, 'gained')[k]! -= difference / EIGHTHS
    if (difference % EIGHTHS !== 0) partOf(sum, difference)[k]!++
  }
}

/** Adds sums to another. */
export function addDifferenceSums (sum: DifferenceSum, more: DifferenceSums): void {
  sum.generations += more.generations
  addToOwn(sum, 'lost', more.lost)
  addToOwn(sum, 'gained', more.gained)
  for (const [eighths, units] of Object.entries(more.partial ?? {})) addToList(partOf(sum, eighths), units)
}

function addToOwn (sum: DifferenceSum, field: 'lost' | 'gained', more: readonly number[]): void {
  if (more !== zeroList(more.length)) addToList(ownList(sum, field), more)
}

function ownList (sum: DifferenceSum, field: 'lost' | 'gained'): number[] {
  const list = sum[field]
  if (list !== zeroList(list.length)) return list as number[]
  const own = list.slice()
  sum[field] = own
  return own
}

function partOf (sum: DifferenceSum, eighths: number | string): number[] {
  const partial = sum.partial ??= {}
  const units = partial[eighths] ?? new Array<number>(sum.lost.length).fill(0)
  partial[eighths] = units
  return units
}

/** The differences at threshold k, with `unaccounted` more units that count as lost. */
export function differencesIn (sums: DifferenceSums, k: number, unaccounted = 0): Differences {
  return differencesAt(sums, k, unaccounted)
}

/** Sums as they are stored: a list of zeros becomes an empty list. */
export function packDifferences (sums: DifferenceSums): DifferenceSums {
  const packed = (list: readonly number[]) => list.every((value) => value === 0) ? [] : list
  return { ...sums, lost: packed(sums.lost), gained: packed(sums.gained) }
}

/** The sums that were stored. */
export function unpackDifferences (stored: DifferenceSums, thresholds: number): DifferenceSums {
  const unpacked = (list: readonly number[]) => list.length === 0 ? zeroList(thresholds) : list
  return { ...stored, lost: unpacked(stored.lost), gained: unpacked(stored.gained) }
}
