/** Mulberry32 (Tommy Ettinger): draws from [0, 1), the same for the same seed. */
export function mulberry32 (seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

/** Runs of a seeded simulation in which something happened, as a fraction. */
export function rateOf (runs: number, happens: (random: () => number) => boolean): number {
  let count = 0
  for (let run = 1; run <= runs; run++) if (happens(mulberry32(run * 7919))) count++
  return count / runs
}

/** The highest rate that `runs` runs of an event of this probability may show: three standard deviations above (binomial, normal limit). */
export function atMost (probability: number, runs: number): number {
  return probability + 3 * Math.sqrt(probability * (1 - probability) / runs)
}
