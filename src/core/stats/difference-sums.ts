import { addToList, type Evidence, zeroList } from './evidence.js'

/** The part of evidence that the test of the thresholds needs: sums of the differences of units, by threshold. */
export type DifferenceSums = Pick<Evidence, 'generations' | 'lost' | 'gained' | 'partial'>

export function noDifferences (thresholds: number): DifferenceSums {
  const zeros = zeroList(thresholds)
  return { generations: 0, lost: zeros, gained: zeros }
}

/** The differences in evidence that changes no more. Lists are shared. */
export function differencesIn ({ generations, lost, gained, partial }: DifferenceSums): DifferenceSums {
  return { generations, lost: sharedZeros(lost), gained: sharedZeros(gained), ...(partial !== undefined && { partial }) }
}

function sharedZeros (list: readonly number[]): readonly number[] { return isZero(list) ? zeroList(list.length) : list }

function isZero (list: readonly number[]): boolean { return list.every((value) => value === 0) }

/** The sum, which shares no list that is added to. */
export function sumDifferences (all: readonly DifferenceSums[], thresholds: number): DifferenceSums {
  let generations = 0
  const [lost, gained] = [new Array<number>(thresholds).fill(0), new Array<number>(thresholds).fill(0)]
  const partial: Record<string, number[]> = {}
  for (const more of all) {
    if (more.generations === 0) continue
    generations += more.generations
    addToList(lost, more.lost)
    addToList(gained, more.gained)
    for (const [eighths, units] of Object.entries(more.partial ?? {})) {
      addToList(partial[eighths] ??= new Array<number>(thresholds).fill(0), units)
    }
  }
  return differencesIn({ generations, lost, gained, ...(Object.keys(partial).length > 0 && { partial }) })
}

/** Sums as they are stored: a list of zeros becomes an empty list. */
export function packDifferences (sums: DifferenceSums): DifferenceSums {
  const packed = (list: readonly number[]) => isZero(list) ? [] : list
  return { ...sums, lost: packed(sums.lost), gained: packed(sums.gained) }
}

/** The sums that were stored. */
export function unpackDifferences (stored: DifferenceSums, thresholds: number): DifferenceSums {
  const unpacked = (list: readonly number[]) => list.length === 0 ? zeroList(thresholds) : list
  return { ...stored, lost: unpacked(stored.lost), gained: unpacked(stored.gained) }
}
