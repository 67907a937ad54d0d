import { emDropInterval } from '../certificate/em-drop-interval.js'
import { emDrop, tokensSavedRatio, type Evidence } from '../certificate/evidence.js'
import { isotonicBlocks } from '../certificate/isotonic.js'

/** EM (a fraction) that one more percent of the full run's tokens costs, and where that is. */
export interface Price { readonly estimate: number, readonly low: number, readonly high: number }

/** A stretch of the curve over which each percent of tokens is predicted to cost the same. */
export interface Segment {
  /** Grid indexes it leads from and to; -1 is never stopping. */
  readonly from: number
  readonly to: number
  /** Of the full runs' tokens, what going from one to the other saves; above 0. */
  readonly saved: number
  /** EM lost a percent of the tokens. */
  readonly price: number
}

/**
 * The curve from never stopping to stopping at the loosest threshold, smoothed. Tokens saved need no smoothing: a looser threshold is
 * crossed no later. EM lost and the net drop need not rise: an answer may be wrong for a while and right again, and more thinking may lose
 * it. What should rise, if the score is worth its name and the safest stops come first, is the price of the next token. So the slopes
 * between neighbours, each weighing by the tokens it saves, are made non-decreasing (PAVA): the greatest convex minorant of the curve.
 * Where the true curve is convex, smoothing never takes it further from the truth than it was (Marshall 1970), and changes it by less than
 * the noise (Kiefer & Wolfowitz 1976). It lies below what was seen, so both are shown.
 */
export function segmentsOf (evidence: Evidence): Segment[] {
  const steps: { from: number, to: number, saved: number, lost: number }[] = []
  let [from, lost] = [-1, 0]
  const savedAt = (k: number) => k === -1 ? 0 : tokensSavedRatio(evidence, k)
  const dropAt = (k: number) => k === -1 ? 0 : emDrop(evidence, k)
  for (let k = 0; k < evidence.tokens.length; k++) {
    lost += dropAt(k) - dropAt(k - 1)
    const saved = savedAt(k) - savedAt(from)
    if (saved <= 0) continue // what is lost without saving anything is paid with the next tokens
    steps.push({ from, to: k, saved, lost });
    [from, lost] = [k, 0]
  }
  const blocks = isotonicBlocks(steps.map((step) => step.lost / step.saved), steps.map((step) => step.saved))
  return blocks.map((block) => ({ from: steps[block.from]!.from, to: steps[block.to]!.to, saved: block.weight, price: block.value / 100 }))
}

/** The net EM drop the smoothed curve predicts at a threshold; on a segment the drop grows with the tokens saved. */
export function predictedDrop (evidence: Evidence, segments: readonly Segment[], k: number): number {
  let drop = 0
  let saved = tokensSavedRatio(evidence, k)
  for (const segment of segments) {
    const part = Math.min(saved, segment.saved)
    drop += 100 * segment.price * part
    saved -= part
  }
  return drop
}

/**
 * The price of the tokens between two thresholds with its interval, valid however often one looks where what the safer of them loses or
 * wins the looser does too: of those that change more than once only the counts of the ends are kept, and tokens count as known.
 * @returns `null` where it would rest on fewer than 30 generations or a thousandth of the tokens
 */
export function priceBetween (evidence: Evidence, from: number, to: number, level: number): Price | null {
  const saved = (tokensSavedRatio(evidence, to) - (from === -1 ? 0 : tokensSavedRatio(evidence, from)))
  if (evidence.generations < 30 || saved < 0.001) return null
  const lost = evidence.lost[to]! - (from === -1 ? 0 : evidence.lost[from]!)
  const gained = evidence.gained[to]! - (from === -1 ? 0 : evidence.gained[from]!)
  const [worse, better] = [Math.max(0, lost) + Math.max(0, -gained), Math.max(0, gained) + Math.max(0, -lost)]
  const percent = 100 * saved
  const { low, high } = emDropInterval(evidence.generations, worse, better, level)
  return { estimate: (worse - better) / evidence.generations / percent, low: low / percent, high: high / percent }
}
