import { GRID } from '../grid.js'
import { scorerFor, scoreStep, type Predictor } from './predictor.js'
import type { Sample } from './sample.js'

/** Thresholds lie at least so far apart in log-odds, and no further from 0 than a double near 1 can tell that gap. */
const LEAST_GAP = 1e-6
const FURTHEST = 20

/** A score at which, as the threshold falls to it, some generation stops earlier: the share of its tokens that saves more. */
interface Crossing { readonly logOdds: number, readonly saved: number }

/**
 * Thirty thresholds over the scores of these samples, safest first: as each is passed on the way down, about as many more tokens are saved
 * as by the one before. So they lie close where a small move of the threshold matters, whatever the scores' range.
 */
export function scoreGrid (predictor: Omit<Predictor, 'grid'>, samples: readonly Sample[]): number[] {
  const crossings = samples.flatMap((sample) => crossingsOf(predictor, sample)).sort((a, b) => b.logOdds - a.logOdds)
  const all = crossings.reduce((sum, { saved }) => sum + saved, 0)
  const grid: number[] = []
  let at = 0
  let sum = 0
  let last = Infinity
  for (let k = 0; k < GRID.length; k++) {
    const target = all * ((k + 0.5) / GRID.length)
    while (at < crossings.length - 1 && sum + crossings[at]!.saved < target) sum += crossings[at++]!.saved
    last = Math.min(crossings[at]!.logOdds, FURTHEST, last - LEAST_GAP)
    grid.push(1 / (1 + Math.exp(-last)))
  }
  return grid
}

function crossingsOf (predictor: Omit<Predictor, 'grid'>, { leaf, tokens: full, steps }: Sample): Crossing[] {
  const scorer = scorerFor({ ...predictor, grid: GRID }, leaf)
  const crossings: Crossing[] = []
  let highest = -Infinity
  const records: { logOdds: number, tokens: number }[] = []
  for (const { tokens, confidence, signals } of steps) {
    const score = scoreStep(scorer, tokens, confidence, signals)!
    if (score <= highest) continue
    highest = score
    records.push({ logOdds: Math.log(score / (1 - score)), tokens: Math.min(tokens, full) })
  }
  for (const [i, { logOdds, tokens }] of records.entries()) {
    crossings.push({ logOdds, saved: ((records[i + 1]?.tokens ?? full) - tokens) / full })
  }
  return crossings
}
