import { allowedPrice } from '../policy/allowed-price.js'
import { usualGap } from './forecast.js'
import { lossOf } from './level.js'
import type { Reading } from './reading.js'
import { theilSen } from './trend.js'
import type { Tolerance, Verdict } from './verdict.js'

/** Checkpoints that the slopes are fitted to. */
const WINDOW = 9

/**
 * Tests whether training shortens responses at too high a cost: tokens and EM fall together, and the next cut, as large as the recent ones,
 * is predicted to cost more EM than the policy allows.
 * @param recent by step
 */
export function costlyShortening (recent: readonly Reading[], { max_em_drop: maxEmDrop, ...prices }: Tolerance): Verdict | null {
  const window = recent.slice(-WINDOW)
  const steps = window.map(({ step }) => step)
  const tokens = theilSen(steps, window.map(({ tokens }) => tokens))
  if (tokens === null || tokens.high >= 0) return null
  const logs = window.map(({ tokens }) => Math.log(Math.max(tokens, 1)))
  const cut = theilSen(steps, logs)!.slope * usualGap(steps)
  const rate = theilSen(logs, window.map(({ em }) => em), 0.02)
  if (rate === null || rate.low <= 0) return null
  const cost = -rate.slope * cut
  const perPercent = -rate.slope * Math.log(0.99)
  const loss = lossOf(recent)
  const allowed = allowedPrice(recent.at(-1)!.tokens, prices)
  const isTooExpensive = allowed !== null && perPercent > allowed
  if (loss + cost <= maxEmDrop && !isTooExpensive) return null
  return {
    verdict: 'costly_shortening',
    figures: {
      checkpoints: window.length,
      next_cut_ratio: -Math.expm1(cut),
      next_em_cost: cost,
      em_per_token_percent: perPercent,
      ...(allowed !== null && { em_per_token_percent_allowed: allowed }),
      em_loss: loss,
      em_loss_predicted: loss + cost,
      max_em_drop: maxEmDrop,
      em_now: recent.at(-1)!.em,
      tokens_now: recent.at(-1)!.tokens,
    },
  }
}
