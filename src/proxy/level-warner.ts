import { warnOnce } from './warn-once.js'

/** Most levels that are told: clients choose their names. */
const MOST_TOLD = 20

/** Warns once of each level in X-Stopgate-Context that the service does not know: its value is left out of the context. */
export function levelWarner (warn: (message: string) => void): (unknown: readonly string[], known: readonly string[]) => void {
  const tell = warnOnce<string>(warn, MOST_TOLD)
  return (unknown, known) => {
    for (const level of unknown) {
      tell(level, `the level ${level} of X-Stopgate-Context is left out, since the service does not know it: its levels are ${known.join(', ')} (CONTEXT_LEVELS)`)
    }
  }
}
