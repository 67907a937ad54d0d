import { MAX_MEDIANS, scoreStep, type Scorer } from '../decide/scorer.js'
import { MAX_THRESHOLDS, scorerFor, type Weights } from './predictor.js'
import type { Sample } from './sample.js'

/** The smallest distance of two thresholds in log-odds, and the largest log-odds at which a double still resolves that distance. */
const MIN_GAP = 1e-6
const MAX_LOG_ODDS = 20

/**
 * The typical predicted loss of the threshold in force, near which thresholds must lie close together. The predicted loss is about what the
 * operator allows: on real traces it is 1 to 10 % in the median, for bounds of 1 to 10 points. Training does not know the bound.
 */
const USUAL_LOSS = 0.03

/** The relative density of thresholds at a predicted loss: 1 at the usual loss, and half of that at 0.5 and 2 times it. */
function closeness (loss: number): number {
  return 1 / (1 + (Math.log(loss / USUAL_LOSS) / Math.LN2) ** 2)
}

/** A score at which a falling threshold makes a generation stop earlier; the tokens and the P(lost) that this adds. */
interface Crossing { readonly logOdds: number, readonly saved: number, readonly lost: number }

/**
 * Chooses `MAX_THRESHOLDS` thresholds for a predictor, safest first. Each saves about the same number of additional tokens of its context,
 * where a token weighs more the more likely a threshold there will be in force. So thresholds lie close together where a small change
 * matters, whatever the range of the scores.
 */
export function scoreGrid (predictor: Weights, samples: readonly Sample[]): number[] {
  const byLeaf = new Map<string, Sample[]>()
  for (const sample of samples) {
    const own = byLeaf.get(sample.leaf)
    if (own === undefined) byLeaf.set(sample.leaf, [sample]); else own.push(sample)
  }
  const crossings = [...byLeaf].flatMap(([leaf, own]) => weighted(scorerFor({ ...predictor, grid: [] }, leaf), own)).sort(byLogOdds)
  const total = crossings.reduce((sum, { weight }) => sum + weight, 0)
  const grid: number[] = []
  let at = 0
  let sum = 0
  let last = Infinity
  for (let k = 0; k < MAX_THRESHOLDS; k++) {
    const target = total * ((k + 0.5) / MAX_THRESHOLDS)
    while (sum + crossings[at]!.weight < target) sum += crossings[at++]!.weight
    last = Math.min(crossings[at]!.logOdds, last - MIN_GAP)
    grid.push(1 / (1 + Math.exp(-last)))
  }
  return grid
}

/** The crossings of one context with their weights. The weights of a context grow with its number of generations. */
function weighted (scorer: Scorer, samples: readonly Sample[]): Array<{ readonly logOdds: number, readonly weight: number }> {
  let lost = 0
  const longest = MAX_MEDIANS * Math.exp(scorer.log_median) // The longest run of the real traces has 71 medians.
  const mean = samples.reduce((sum, { tokens }) => sum + Math.min(tokens, longest), 0) / samples.length
  return samples.flatMap((sample) => crossingsOf(scorer, sample, longest)).sort(byLogOdds).map((crossing) => {
    lost += crossing.lost
    return { logOdds: crossing.logOdds, weight: crossing.saved / mean * closeness(lost / samples.length) }
  })
}

function byLogOdds (a: { readonly logOdds: number }, b: { readonly logOdds: number }): number {
  return b.logOdds - a.logOdds
}

/** @param longest a longer generation counts as one of this length, with all its parts scaled down in proportion */
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
    const next = records[i + 1] // Where a higher threshold stops; without one the generation runs in full and loses nothing.
    const logOdds = Math.min(MAX_LOG_ODDS, Math.max(-MAX_LOG_ODDS, Math.log(score / (1 - score))))
    return { logOdds, saved: part * ((next?.tokens ?? full) - tokens), lost: (next?.score ?? 1) - score }
  })
}
