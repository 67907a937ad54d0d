/** Control generations by who reported them: the name of the token, `*` for those that found no room. */
export type EvidenceByToken = Readonly<Record<string, number>>

/** Names that are told apart. */
const MAX_NAMES = 32
const OTHERS = '*' // no token's name

/** With one more from a token; `undefined`: nobody said who. */
export function countForToken (fedBy: EvidenceByToken | undefined, by: string | undefined): EvidenceByToken | undefined {
  if (by === undefined) return fedBy
  const name = fedBy === undefined || Object.hasOwn(fedBy, by) || Object.keys(fedBy).length < MAX_NAMES ? by : OTHERS
  return { ...fedBy, [name]: (fedBy !== undefined && Object.hasOwn(fedBy, name) ? fedBy[name]! : 0) + 1 }
}
