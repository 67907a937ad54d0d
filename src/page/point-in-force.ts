import type { ContextDetail, TradeoffReply } from './api.js'

/** The figures of a point that the chart shows. */
export type ChartPoint = Pick<TradeoffReply['points'][number], 'tokens_saved_ratio' | 'em_drop' | 'em_drop_low' | 'em_drop_high'>

/**
 * The point of the threshold in force. With a lottery it lies on the line between those of the two thresholds: savings and drop are
 * their weighted means.
 */
export function pointInForce ({ points, threshold }: Pick<TradeoffReply, 'points' | 'threshold'>, lottery: ContextDetail['lottery']): ChartPoint | undefined {
  const safer = pointOf(points, threshold)
  if (safer === undefined || lottery === null) return safer
  const looser = pointOf(points, lottery.threshold)!
  const mean = (field: keyof ChartPoint) => safer[field] + lottery.share * (looser[field] - safer[field])
  return {
    tokens_saved_ratio: mean('tokens_saved_ratio'), em_drop: mean('em_drop'), em_drop_low: mean('em_drop_low'), em_drop_high: mean('em_drop_high'),
  }
}

/** The point of a threshold. Thresholds that stop the same generations at the same steps share a point. */
function pointOf (points: TradeoffReply['points'], threshold: number | null): TradeoffReply['points'][number] | undefined {
  if (threshold === null) return points.find((point) => point.threshold === null)
  return points.findLast((point) => point.threshold !== null && point.threshold >= threshold) ?? points[0]
}
