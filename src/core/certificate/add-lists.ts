/** The sums of two lists of numbers, place by place. */
export function addLists (a: readonly number[], b: readonly number[]): number[] {
  const sums = a.slice()
  addToList(sums, b)
  return sums
}

/** The same where each list may be absent for all zeros. */
export function addOptional (a: readonly number[] | undefined, b: readonly number[] | undefined): readonly number[] | undefined {
  return a === undefined || b === undefined ? a ?? b : addLists(a, b)
}

/** Adds one list to another in place. */
export function addToList (sums: number[], more: readonly number[]): void {
  for (let k = 0; k < sums.length; k++) sums[k]! += more[k]!
}

const zeros = new Map<number, readonly number[]>()

/** A list of zeros, one shared object for each length. */
export function zeroList (length: number): readonly number[] {
  let list = zeros.get(length)
  if (list === undefined) zeros.set(length, list = new Array<number>(length).fill(0))
  return list
}
