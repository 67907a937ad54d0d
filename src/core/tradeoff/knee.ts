import { emDrop, tokensSavedRatio, type Evidence } from '../certificate/evidence.js'
import type { Segment } from './segments.js'

/**
 * Standard errors by which the curve must bend away from a straight line to have a knee: the deepest of up to 120 places is looked at,
 * neighbours much alike. A true straight line seems to have one in 0.1 to 3 % of runs (30 to 120 thresholds, 300 to 5,000 generations).
 */
const CLEAR = 3

/**
 * The knee: where, up to there, the most has been saved for what it costs, measured against spending EM evenly all the way. With tokens
 * saved and EM drop both scaled to 1 at the far end it is the point of the smoothed curve furthest below the diagonal (Kneedle: Satopaa
 * et al. 2011). Past it the price of a token is above the mean price of all. It depends on where the data end: `unfavourable_from`, which
 * goes by a stated price, does not.
 * @returns grid index, and the EM it lies below the line; `null` where the curve loses nothing or bends no more than its noise might
 */
export function kneeOf (evidence: Evidence, segments: readonly Segment[]): { index: number, below: number } | null {
  const last = segments.at(-1)?.to ?? -1
  if (last === -1 || evidence.generations === 0) return null
  const [saved, drop] = [tokensSavedRatio(evidence, last), emDrop(evidence, last)]
  if (drop <= 0) return null
  let knee = { index: -1, below: 0 }
  for (const { to: index } of segments) {
    const below = drop * tokensSavedRatio(evidence, index) / saved - emDrop(evidence, index)
    if (below > knee.below) knee = { index, below }
  }
  return knee.below > CLEAR * noiseAt(evidence, knee.index, last) ? knee : null
}

/** Standard error of a point's distance from the line to `last`, where what one threshold loses or wins the looser ones do too. */
function noiseAt ({ generations, lost, gained, ...evidence }: Evidence, k: number, last: number): number {
  if (k === -1) return Infinity
  const share = (evidence.full_tokens - evidence.tokens[k]!) / (evidence.full_tokens - evidence.tokens[last]!)
  const [near, all] = [lost[k]! + gained[k]!, lost[last]! + gained[last]!]
  return Math.sqrt(share ** 2 * Math.max(0, all - near) + (1 - share) ** 2 * near + 1) / generations
}
