/** Counts by the name of the token or grader that reported them; `*` for names beyond the limit. */
export type CountsByName = Readonly<Record<string, number>>

/** Tokens or graders that are counted by name. */
const MAX_NAMES = 32
const OTHERS = '*' // no token's name, and no grader's

/** Counts one more report. @param by name of the token or grader; `undefined` where it has none */
export function countForName (counts: CountsByName | undefined, by: string | undefined): CountsByName | undefined {
  if (by === undefined) return counts
  const name = counts === undefined || Object.hasOwn(counts, by) || Object.keys(counts).length < MAX_NAMES ? by : OTHERS
  return { ...counts, [name]: (counts !== undefined && Object.hasOwn(counts, name) ? counts[name]! : 0) + 1 }
}
