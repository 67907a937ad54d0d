import type { FleetReply, SavingsReply } from './api.js'

/** What an hour or a day saved. */
export type Period = FleetReply['saved_by_hour'][number]

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** The times that can be shown, and the number of days in each, the present one included. The last day is shown by the hour. */
export const SPANS = {
  day: { title: 'Last day', days: 1 },
  week: { title: 'Last week', days: 8 },
  month: { title: 'Last month', days: 31 },
  quarter: { title: 'Last quarter', days: 92 },
  range: { title: 'From … to …', days: 31 },
} as const
export type Span = keyof typeof SPANS

/** Hours of the last day, the present one included. */
const HOURS = 25

export const MS = { hour: HOUR, day: DAY } as const

/** The part of full runs that was saved. */
export function ratioOf ({ tokens_saved: saved, tokens }: Pick<Period, 'tokens_saved' | 'tokens'>): number | null {
  return saved === null || saved + tokens <= 0 ? null : saved / (saved + tokens)
}

/** The hours of the last day: outcomes may have been silent for long before the last one. */
export function hoursIn ({ at, saved_by_hour: hours }: Pick<FleetReply, 'saved_by_hour'> & { readonly at: string }): readonly Period[] {
  const since = Date.parse(at) - HOURS * HOUR
  return hours.filter((hour) => Date.parse(hour.at) > since)
}

/** The ends of the last day, in seconds, as far as the hour goes. */
export function rangeOfHours (at: string): [since: number, until: number] {
  const hour = Math.floor(Date.parse(at) / HOUR) * HOUR
  return [(hour - HOURS * HOUR) / 1000, (hour + HOUR) / 1000]
}

/** The first and the last day of a span (UTC), as the API takes them. */
export function daysOf (at: string, span: Span): [since: string, until: string] {
  const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10)
  return [dateOf(Date.parse(at) - (SPANS[span].days - 1) * DAY), dateOf(Date.parse(at))]
}

/** The rows of a report by day. */
export function daysIn ({ rows }: SavingsReply): readonly Period[] {
  return rows.map(({ since, ...figures }) => ({ at: `${since}T00:00:00.000Z`, ...figures }))
}

/** The ends of some days, in seconds. */
export function rangeOfDays ([since, until]: readonly [since: string, until: string]): [since: number, until: number] {
  return [Date.parse(since) / 1000, (Date.parse(until) + DAY) / 1000]
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
