import { MOST_MEDIANS, MOST_THRESHOLDS, scorerFor, scoreStep, type Predictor, type Scorer } from './predictor.js'
import type { Sample } from './sample.js'

/** Thresholds lie at least so far apart in log-odds, and no further from 0 than a double near 1 can tell that gap. */
const LEAST_GAP = 1e-6
const FURTHEST = 20

/**
 * A threshold serves where what it is predicted to lose is about what the operator allows: on real traces 1 to 10 % of the generations
 * of a context in the median, for bounds of 1 to 10 points. There thresholds must lie close; no bound is known when a predictor is trained.
 */
const USUAL_LOSS = 0.03

/** How close thresholds should lie where so much would be lost: most at the usual loss, half of that at 0.5 or 2 times it. */
function closeness (loss: number): number {
  return 1 / (1 + (Math.log(loss / USUAL_LOSS) / Math.LN2) ** 2)
}

/** A score at which, as the threshold falls to it, some generation stops earlier: its tokens saved more, and P(lost) added. */
interface Crossing { readonly logOdds: number, readonly saved: number, readonly lost: number }

/**
 * As many thresholds as may be, over the scores of these samples, safest first: as each is passed on the way down, about as much more of a
 * context's tokens is saved as by the one before, each token weighing the more, the likelier it is that a threshold there will serve its
 * context. So they lie close where a small move of the threshold matters, whatever the scores' range.
 */
export function scoreGrid (predictor: Omit<Predictor, 'grid'>, samples: readonly Sample[]): number[] {
  const byLeaf = new Map<string, Sample[]>()
  for (const sample of samples) {
    const own = byLeaf.get(sample.leaf)
    if (own === undefined) byLeaf.set(sample.leaf, [sample]); else own.push(sample)
  }
  const crossings = [...byLeaf].flatMap(([leaf, own]) => weighted(scorerFor({ ...predictor, grid: [] }, leaf), own)).sort(byLogOdds)
  const all = crossings.reduce((sum, { weight }) => sum + weight, 0)
  const grid: number[] = []
  let at = 0
  let sum = 0
  let last = Infinity
  for (let k = 0; k < MOST_THRESHOLDS; k++) {
    const target = all * ((k + 0.5) / MOST_THRESHOLDS)
    while (sum + crossings[at]!.weight < target) sum += crossings[at++]!.weight
    last = Math.min(crossings[at]!.logOdds, last - LEAST_GAP)
    grid.push(1 / (1 + Math.exp(-last)))
  }
  return grid
}

/** The crossings of one context, each with its part in the spacing, which is as large as there are generations. */
function weighted (scorer: Scorer, samples: readonly Sample[]): Array<{ readonly logOdds: number, readonly weight: number }> {
  let lost = 0
  const longest = MOST_MEDIANS * Math.exp(scorer.log_median) // the longest on real traces has 71
  const mean = samples.reduce((sum, { tokens }) => sum + Math.min(tokens, longest), 0) / samples.length
  return samples.flatMap((sample) => crossingsOf(scorer, sample, longest)).sort(byLogOdds).map((crossing) => {
    lost += crossing.lost
    return { logOdds: crossing.logOdds, weight: crossing.saved / mean * closeness(lost / samples.length) }
  })
}

function byLogOdds (a: { readonly logOdds: number }, b: { readonly logOdds: number }): number {
  return b.logOdds - a.logOdds
}

/** @param longest as long as a generation may be; a longer one is taken for one of that length, all its parts in proportion */
function crossingsOf (scorer: Scorer, { tokens: full, steps }: Sample, longest: number): Crossing[] {
  const part = Math.min(1, longest / full)
  let highest = -Infinity
  const records: { score: number, tokens: number }[] = []
  for (const { tokens, confidence, signals } of steps) {
    const score = scoreStep(scorer, tokens, confidence, signals)!
    if (score <= highest) continue
    highest = score
    records.push({ score, tokens: Math.min(tokens, full) })
  }
  return records.map(({ score, tokens }, i) => {
    const next = records[i + 1] // where it stopped while the threshold was higher; none: it ran in full and lost nothing
    const logOdds = Math.min(FURTHEST, Math.max(-FURTHEST, Math.log(score / (1 - score))))
    return { logOdds, saved: part * ((next?.tokens ?? full) - tokens), lost: (next?.score ?? 1) - score }
  })
}
