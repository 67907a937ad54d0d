import type { TradeoffReply } from './api.js'

/** The figures of a point that the chart shows. */
export type ChartPoint = Pick<TradeoffReply['points'][number], 'tokens_saved_ratio' | 'em_drop' | 'em_drop_low' | 'em_drop_high'>

/** The point of the threshold in force. Thresholds that stop the same generations at the same steps share a point. */
export function pointInForce ({ points, threshold }: Pick<TradeoffReply, 'points' | 'threshold'>): ChartPoint | undefined {
  if (threshold === null) return points.find((point) => point.threshold === null)
  return points.findLast((point) => point.threshold !== null && point.threshold >= threshold) ?? points[0]
}
