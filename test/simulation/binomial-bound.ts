/**
 * The most of `runs` runs in which an event of probability `probability` may happen before that counts as a defect: the smallest k with
 * P(X > k) <= 1 - confidence for X ~ Binomial(runs, probability), summed exactly.
 */
export function binomialBound (runs: number, probability: number, confidence = 0.999): number {
  let chance = (1 - probability) ** runs // of exactly k
  let below = chance
  let k = 0
  while (below < confidence && k < runs) {
    chance *= (runs - k) / (k + 1) * probability / (1 - probability)
    below += chance
    k++
  }
  return k
}
