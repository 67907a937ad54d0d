/** Most levels that are told: clients choose their names. */
const MOST_TOLD = 20

/** Warns once of each level in X-Stopgate-Context that the service does not know: its value is left out of the context. */
export function levelWarner (warn: (message: string) => void): (unknown: readonly string[], known: readonly string[]) => void {
  const told = new Set<string>()
  return (unknown, known) => {
    for (const level of unknown) {
      if (told.has(level) || told.size >= MOST_TOLD) continue
      told.add(level)
      warn(`the level ${level} of X-Stopgate-Context is left out, since the service does not know it: its levels are ${known.join(', ')} (CONTEXT_LEVELS)`)
    }
  }
}
