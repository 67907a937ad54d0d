import type { FleetReply } from './api.js'

export type Period = FleetReply['saved_by_hour'][number]

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** The times that can be shown, and the number of hours or days in each, the present one included. */
export const SPANS = {
  day: { title: 'Last day', unit: 'hour', ms: HOUR, periods: 25 },
  week: { title: 'Last week', unit: 'day', ms: DAY, periods: 8 },
  month: { title: 'Last month', unit: 'day', ms: DAY, periods: 32 },
} as const
export type Span = keyof typeof SPANS

/** The part of full runs that was saved. */
export function ratioOf ({ tokens_saved: saved, tokens }: Pick<Period, 'tokens_saved' | 'tokens'>): number | null {
  return saved === null || saved + tokens <= 0 ? null : saved / (saved + tokens)
}

/** The periods of a span: outcomes may have been silent for long before the last one. */
export function periodsIn (fleet: FleetReply & { readonly at: string }, span: Span): readonly Period[] {
  const { at, saved_by_hour: hours, saved_by_day: days } = fleet
  const { ms, periods } = SPANS[span]
  const since = Date.parse(at) - periods * ms
  return (span === 'day' ? hours : days).filter((period) => Date.parse(period.at) > since)
}

/** The ends of a span, in seconds, as far as the hour goes. */
export function rangeOf (at: string, span: Span): [since: number, until: number] {
  const { ms, periods } = SPANS[span]
  const hour = Math.floor(Date.parse(at) / HOUR) * HOUR
  return [(hour - periods * ms) / 1000, (hour + HOUR) / 1000]
}

/** Times and savings. Where a period had no outcome the line breaks. */
export function pointsOf (rows: readonly Period[], ms: number): [times: number[], ratios: Array<number | null>] {
  const points = rows.flatMap((row, i): Array<readonly [number, number | null]> => {
    const [time, next] = [Date.parse(row.at), rows[i + 1]]
    const point = [time / 1000, ratioOf(row)] as const
    return next !== undefined && Date.parse(next.at) > time + ms ? [point, [(time + ms) / 1000, null]] : [point]
  })
  return [points.map(([time]) => time), points.map(([, ratio]) => ratio)]
}
