import type { Axis } from './axis.js'
import { place, textElement } from './svg.js'

export interface Mark {
  readonly step: number
  readonly value: number
  /** Bounds of its interval; `null`: unknown. */
  readonly low: number | null
  readonly high: number | null
  /** Whether it was measured before with another result. */
  readonly isReplay: boolean
}

export interface Panel {
  readonly title: string
  readonly colour: string
  /** Measurements, by step. */
  readonly marks: readonly Mark[]
  readonly forecast: readonly Mark[]
}

/** Number of marks beyond which they are drawn small. */
const MANY = 120
/** Distance between the vertical axis and the first mark. */
export const GAP = 12

/** Draws axes, measurements with their intervals, and the forecast. */
export function drawPanel ({ title, colour, marks, forecast }: Panel, x: Axis, y: Axis): string {
  const [left, right, bottom, top] = [x.from - GAP, x.to, y.from, y.to]
  const dot = marks.length > MANY ? 2.5 : 6
  const grid = y.ticks.map((tick) => `M${left} ${place(y.at(tick))}H${right}`).join('')
  const points = (some: readonly Mark[]) => some.map(({ step, value }) => `${place(x.at(step))} ${place(y.at(value))}`)
  const whiskers = marks.filter(isKnown).map(({ step, low, high }) => `M${place(x.at(step))} ${place(y.at(low))}V${place(y.at(high))}`).join('')
  const replayed = marks.filter(({ isReplay }) => isReplay)
  return [
    `<path d="${grid}" stroke="#ddd"/><path d="M${left} ${top}V${bottom}H${right}" fill="none" stroke="#555"/>`,
    ...y.ticks.map((tick) => textElement(left - 8, y.at(tick) + 4, shortNumberOf(tick), 'text-anchor="end"')),
    ...x.ticks.map((tick) => textElement(x.at(tick), bottom + 18, shortNumberOf(tick), 'text-anchor="middle"')),
    textElement(left, top - 10, title, 'font-weight="bold"'),
    bandOf(marks.at(-1), forecast, x, y, colour),
    `<path d="${whiskers}" stroke="${colour}" stroke-opacity="0.45" stroke-width="1.5"/>`,
    `<path d="M${points(marks).join('L')}" fill="none" stroke="${colour}" stroke-width="1.5"/>`,
    `<path d="${points(marks).map((point) => `M${point}h0`).join('')}" stroke="${colour}" stroke-width="${dot}" stroke-linecap="round"/>`,
    replayed.length === 0 ? '' : `<path d="${points(replayed).map((point) => `M${point}h0`).join('')}" stroke="#fff" stroke-width="${dot / 2}" stroke-linecap="round"/>`,
    forecast.length === 0 ? '' : `<path d="M${points([...marks.slice(-1), ...forecast]).join('L')}" fill="none" stroke="${colour}" stroke-dasharray="5 4"/>`,
  ].join('\n')
}

/** A number short enough for a tick label, e.g. 2.5M. */
const shortNumberOf = (value: number): string =>
  value < 1e6 ? numberOf(value) : value.toLocaleString('en', { notation: 'compact', maximumFractionDigits: 6 })

export const numberOf = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 6 })

type Known = Mark & { low: number, high: number }
const isKnown = (mark: Mark): mark is Known => mark.low !== null && mark.high !== null

/** The area of the forecast's intervals, from the last mark on. */
function bandOf (from: Mark | undefined, forecast: readonly Mark[], x: Axis, y: Axis, colour: string): string {
  const known = forecast.filter(isKnown)
  if (from === undefined || known.length === 0) return ''
  const start = `${place(x.at(from.step))} ${place(y.at(from.value))}`
  const at = (step: number, value: number) => `${place(x.at(step))} ${place(y.at(value))}`
  const outline = [start, ...known.map(({ step, high }) => at(step, high)), ...known.toReversed().map(({ step, low }) => at(step, low))]
  return `<path d="M${outline.join('L')}Z" fill="${colour}" fill-opacity="0.18"/>`
}
