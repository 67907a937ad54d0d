import type { Axis, Scale } from 'uplot'
import { axis } from './chart.js'
import { threshold } from './format.js'

/** Thresholds are near 1, so that a linear scale would show one line. */
export const logit = (value: number): number => Math.log(Math.max(1e-4, value) / Math.max(1e-6, 1 - value))
export const logistic = (value: number): number => 1 / (1 + Math.exp(-value))

/** A scale of thresholds in log-odds, as the grid of candidates has them. */
export const LOGIT_SCALE: Pick<Scale, 'distr' | 'fwd' | 'bwd'> = { distr: 100, fwd: logit, bwd: logistic }

/** Room of a label, px. */
const ROOM = { x: 60, y: 24 }

/** Leaves out ticks that would touch the one before. @param part of the axis that a label needs @param span of the axis in log-odds */
function spread (ticks: readonly number[], part: number, span: number): number[] {
  let last = -Infinity
  return ticks.filter((tick) => {
    const isApart = logit(tick) - last >= part * span
    if (isApart) last = logit(tick)
    return isApart
  })
}

/** @param ticks thresholds that may be written at the axis */
export function thresholdAxis (label: string, ticks: readonly number[], more: Partial<Axis> = {}): Axis {
  return axis(label, (value) => threshold(value), {
    filter: (_chart, splits) => splits, // by default, labels are left out as on a logarithmic scale
    splits: (chart, index, low, high) => {
      const part = index === 0 ? ROOM.x / chart.width : ROOM.y / chart.height
      const span = logit(high) - logit(low)
      const shown = spread(ticks.filter((tick) => tick >= low && tick <= high), part, span)
      return shown.length > 1 ? shown : [0.15, 0.85].map((place) => Number(logistic(logit(low) + place * span).toFixed(3)))
    },
    ...more,
  })
}
