/** Control generations by the name of the token that reported them; `*` for tokens beyond the limit. */
export type EvidenceByToken = Readonly<Record<string, number>>

/** Tokens that are counted by name. */
const MAX_NAMES = 32
const OTHERS = '*' // no token's name

/** Counts one more generation for a token. @param by name of the token; `undefined` where the service has no tokens */
export function countForToken (fedBy: EvidenceByToken | undefined, by: string | undefined): EvidenceByToken | undefined {
  if (by === undefined) return fedBy
  const name = fedBy === undefined || Object.hasOwn(fedBy, by) || Object.keys(fedBy).length < MAX_NAMES ? by : OTHERS
  return { ...fedBy, [name]: (fedBy !== undefined && Object.hasOwn(fedBy, name) ? fedBy[name]! : 0) + 1 }
}
