/**
 * Median time until a random walk first passes a bar. The walk is approximated by a Brownian motion with drift, whose first passage time is
 * inverse Gaussian (Schroedinger 1915; Folks & Chhikara 1978). The median is below the mean.
 * @param mean time that the drift alone takes, above 0
 * @param distance to the bar, above 0
 * @param variance of the walk per unit of time
 */
export function medianPassage (mean: number, distance: number, variance: number): number {
  const shape = variance > 0 ? distance * distance / variance : Infinity
  if (shape / mean > 1000) return mean
  let [low, high] = [0, mean]
  while (high - low > 1e-6 * mean) {
    const middle = (low + high) / 2
    if (passedBy(middle, mean, shape) < 0.5) low = middle; else high = middle
  }
  return high
}

/** Probability that the walk has passed the bar by this time (Chhikara & Folks 1989, eq. 2.17). */
function passedBy (time: number, mean: number, shape: number): number {
  const root = Math.sqrt(shape / time)
  const late = logNormalTail(root * (time / mean + 1))
  return 1 - Math.exp(logNormalTail(root * (time / mean - 1))) + Math.exp(2 * shape / mean + late)
}

const ERFC = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277,
]

/** ln P(Z > z) for a standard normal Z, with a relative error below 2e-7 (Press et al. 1992, "Numerical Recipes", section 6.2, erfcc). */
function logNormalTail (z: number): number {
  const x = Math.abs(z) / Math.SQRT2
  const t = 2 / (2 + x)
  const log = Math.log(t / 2) - x * x + ERFC.reduceRight((sum, term) => sum * t + term, 0)
  return z >= 0 ? log : Math.log1p(-Math.exp(log))
}
