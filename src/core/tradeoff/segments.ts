import { emDropInterval } from '../certificate/em-drop-interval.js'
import { emDrop, tokensSavedRatio, type Evidence } from '../certificate/evidence.js'
import { isotonicBlocks } from '../certificate/isotonic.js'

/** EM (a fraction) that one more percent of the full run's tokens costs, with its interval. */
export interface Price { readonly estimate: number, readonly low: number, readonly high: number }

/** A segment of the smoothed curve, over which every percent of tokens costs the same. */
export interface Segment {
  /** Grid index of its safer end; -1: never stopping. */
  readonly from: number
  /** Grid index of its looser end. */
  readonly to: number
  /** Share of the full runs' tokens saved between its ends; above 0. */
  readonly saved: number
  /** EM lost per percent of the tokens. */
  readonly price: number
}

/**
 * The smoothed curve of net EM drop against tokens saved, from never stopping to the loosest threshold. Tokens saved increase along the
 * grid by construction, since a looser threshold is crossed no later. The net drop need not, since an answer may be wrong in between and
 * right again. If the score puts the safest stops first, however, the price of the next token increases. So the slopes between neighbours,
 * weighted by the tokens they save, are made non-decreasing (PAVA), which gives the greatest convex minorant of the curve.
 * If the true curve is convex, smoothing brings the estimate no further from it (Marshall 1970) and changes it by less than the noise
 * (Kiefer & Wolfowitz 1976). The smoothed curve lies below the observed one, so views show both.
 */
export function segmentsOf (evidence: Evidence): Segment[] {
  const steps: { from: number, to: number, saved: number, lost: number }[] = []
  let [from, lost] = [-1, 0]
  const savedAt = (k: number) => k === -1 ? 0 : tokensSavedRatio(evidence, k)
  const dropAt = (k: number) => k === -1 ? 0 : emDrop(evidence, k)
  for (let k = 0; k < evidence.tokens.length; k++) {
    lost += dropAt(k) - dropAt(k - 1)
    const saved = savedAt(k) - savedAt(from)
    if (saved <= 0) continue // A loss that saves nothing is charged to the next tokens saved.
    steps.push({ from, to: k, saved, lost });
    [from, lost] = [k, 0]
  }
  const blocks = isotonicBlocks(steps.map((step) => step.lost / step.saved), steps.map((step) => step.saved))
  return blocks.map((block) => ({ from: steps[block.from]!.from, to: steps[block.to]!.to, saved: block.weight, price: block.value / 100 }))
}

/** The net EM drop at a threshold by the smoothed curve, interpolated linearly within a segment. */
export function predictedDrop (evidence: Evidence, segments: readonly Segment[], k: number): number {
  let drop = 0
  let saved = Math.max(0, tokensSavedRatio(evidence, k))
  for (const segment of segments) {
    const part = Math.min(saved, segment.saved)
    drop += 100 * segment.price * part
    saved -= part
  }
  return drop
}

/**
 * The price of the tokens between two thresholds, with an anytime-valid interval. Only the counts at both ends are known, so the interval
 * assumes that the looser threshold loses and gains whatever the safer one does. The number of tokens counts as known.
 * @returns `null` for fewer than 30 generations or a thousandth of the tokens
 */
export function priceBetween (evidence: Evidence, from: number, to: number, level: number): Price | null {
  const saved = (tokensSavedRatio(evidence, to) - (from === -1 ? 0 : tokensSavedRatio(evidence, from)))
  if (evidence.generations < 30 || saved < 0.001) return null
  const lost = evidence.lost[to]! - (from === -1 ? 0 : evidence.lost[from]!)
  const gained = evidence.gained[to]! - (from === -1 ? 0 : evidence.gained[from]!)
  const [worse, better] = [Math.max(0, lost) + Math.max(0, -gained), Math.max(0, gained) + Math.max(0, -lost)]
  const percent = 100 * saved
  const { low, high } = emDropInterval({ lost: worse, kept: evidence.generations - worse - better, gained: better }, level)
  return { estimate: (worse - better) / evidence.generations / percent, low: low / percent, high: high / percent }
}
