import { emDrop, tokensSaved, tokensSavedRatio, type Evidence } from '../certificate/evidence.js'
import type { Segment } from './segments.js'

/**
 * Standard errors by which the curve must lie below a straight line to have a knee. The test takes the lowest of up to 120 correlated
 * points: a truly straight line has a knee in 0.1 to 3 % of runs (30 to 120 thresholds, 300 to 5,000 generations).
 */
const CLEAR = 3

/**
 * The knee of the smoothed curve (Kneedle: Satopaa et al. 2011). With tokens saved and EM drop both scaled to 1 at the loosest threshold,
 * it is the point furthest below the diagonal. Beyond it, a token costs more than the mean price of all tokens. Unlike
 * `unfavourable_from`, which depends on a stated price, the knee depends on where the data end.
 * @returns grid index, and how much EM it lies below the diagonal; `null` if the curve loses nothing or the bend is within its noise
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

/** Standard error of a point's distance from the line to `last`, if looser thresholds lose and gain whatever a stricter one does. */
function noiseAt (evidence: Evidence, k: number, last: number): number {
  if (k === -1) return Infinity
  const { generations, lost, gained } = evidence
  const share = tokensSaved(evidence, k) / tokensSaved(evidence, last)
  const [near, all] = [lost[k]! + gained[k]!, lost[last]! + gained[last]!]
  return Math.sqrt(share ** 2 * Math.max(0, all - near) + (1 - share) ** 2 * near + 1) / generations
}
