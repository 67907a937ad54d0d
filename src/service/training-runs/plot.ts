import { intervalsOf, type PointView, type SuiteView } from '../../core/training-runs/series.js'

const [WIDTH, HEIGHT] = [900, 612]
const [LEFT, RIGHT] = [70, 865]
const EM = { top: 110, bottom: 310 }
const TOKENS = { top: 380, bottom: 560 }
/** Blue and vermilion of Okabe & Ito (2008), which colour-blind readers can distinguish. */
const [BLUE, VERMILION] = ['#0072b2', '#d55e00']

/**
 * Plots a suite of a run as SVG: EM and tokens by step with their intervals, the forecast, and the step where EM or tokens began to fall.
 * Only evaluations under the newest threshold are shown, since others are not comparable.
 */
export function plotSuite (run: string, view: SuiteView): string {
  const { suite, forecast, verdicts, max_em_drop: drop, threshold } = view
  const points = view.points.flatMap((point) => comparedIn(point, threshold))
  const left = view.points.length - points.length
  const em: Panel = {
    title: 'Exact Match (%)',
    colour: BLUE,
    marks: points.map((point) => markOf(point, point.em * 100, point.em_low * 100, point.em_high * 100)),
    forecast: forecast.map(({ step, em, em_low, em_high }) => forecastOf(step, em * 100, em_low && em_low * 100, em_high && em_high * 100)),
  }
  const tokens: Panel = {
    title: 'Tokens of a response (mean)',
    colour: VERMILION,
    marks: points.map((point) => markOf(point, point.tokens_mean, point.tokens_low, point.tokens_high)),
    forecast: forecast.map(({ step, tokens_mean, tokens_low, tokens_high }) => forecastOf(step, tokens_mean, tokens_low, tokens_high)),
  }
  const x = axisOf([...points, ...forecast].map(({ step }) => step), LEFT + GAP, RIGHT, { atLeast: 10, marks: 9, isTight: true })
  const last = points.at(-1)!
  const said = verdicts.map(({ verdict }) => verdict).join(', ') || 'none'
  const variance = last.advantage_variance === undefined ? '' : `; advantage variance ${numberOf(last.advantage_variance)}`
  const estimated = last.em_estimate_low === undefined ? '' : 'estimated '
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="13" fill="#222">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    textElement(LEFT, 30, `${shortened(run, 44)} · ${shortened(suite, 24)}`, 'font-size="18" font-weight="bold"'),
    textElement(LEFT, 52, `step ${numberOf(last.step)}: ${estimated}EM ${percent(last.em)} % (${percent(last.em_low)} to ${percent(last.em_high)}), ${numberOf(Math.round(last.tokens_mean))} tokens${variance}; verdicts: ${said}`),
    textElement(LEFT, 72, `bars: 95 % intervals; shaded: forecast, 90 %; hollow: measured again; max_em_drop ${percent(drop)} points${underOf(threshold, left)}`, 'fill="#555" font-size="12"'),
    drawPanel(em, x, yAxis(em, EM, 5)),
    drawPanel(tokens, x, yAxis(tokens, TOKENS, 10)),
    turningLine(verdicts, points[0]!.step, x),
    textElement((LEFT + RIGHT) / 2, HEIGHT - 12, 'step of the training', 'text-anchor="middle"'),
    '</svg>\n',
  ].join('\n')
}

/** States the threshold and the number of omitted steps, if there are any. */
function underOf (threshold: number | null, left: number): string {
  const under = threshold === null ? '' : `; threshold ${numberOf(threshold)}`
  return left === 0 ? under : `${under || '; in full'}, ${left} steps evaluated under others left out`
}

type Drawn = Pick<PointView, 'step' | 'em' | 'em_low' | 'em_high' | 'em_estimate_low' | 'tokens_mean' | 'tokens_low' | 'tokens_high' | 'advantage_variance' |
  'is_replay'>

/** The newest figures of a step under a threshold; empty if it has none. */
function comparedIn (point: PointView, threshold: number | null): Drawn[] {
  const isAlike = (one: { threshold?: number | null }) => (one.threshold ?? null) === threshold
  if (isAlike(point)) return [point]
  const earlier = point.earlier_attempts.filter(isAlike)
  const newest = earlier.at(-1)
  return newest === undefined ? [] : [{ ...newest, ...intervalsOf(newest), is_replay: earlier.length > 1 }]
}

const percent = (share: number): string => (100 * share).toFixed(1)

function markOf ({ step, is_replay: isReplay }: Drawn, value: number, low: number | null, high: number | null): Mark {
  return { step, value, low, high, isReplay }
}

function forecastOf (step: number, value: number, low: number | null, high: number | null): Mark {
  return { step, value, low, high, isReplay: false }
}

function yAxis ({ marks, forecast }: Panel, { top, bottom }: { top: number, bottom: number }, atLeast: number): Axis {
  const values = [...marks, ...forecast].flatMap(({ value, low, high }) => [value, low ?? value, high ?? value])
  return axisOf(values, bottom, top, { atLeast, marks: 5 })
}

/** A line at the step from which EM or tokens fell. */
function turningLine (verdicts: SuiteView['verdicts'], first: number, x: Axis): string {
  for (const { figures: { turned_at_step: em, before_step: tokens }, verdict } of verdicts) {
    const step = em ?? (verdict === 'same_level' ? undefined : tokens)
    if (step === undefined || step < first) continue
    const at = place(x.at(step))
    const side = at > RIGHT - 200 ? 'end' : 'start'
    const line = `<path d="M${at} ${EM.top}V${EM.bottom}M${at} ${TOKENS.top}V${TOKENS.bottom}" stroke="#222" stroke-dasharray="2 3"/>`
    return line + textElement(at + (side === 'end' ? -6 : 6), EM.bottom - 8, `${em === undefined ? 'tokens fell' : 'EM fell'} from step ${numberOf(step)} on`, `text-anchor="${side}"`)
  }
  return ''
}

export interface Mark {
  readonly step: number
  readonly value: number
  /** Bounds of its interval; `null`: unknown. */
  readonly low: number | null
  readonly high: number | null
  /** Whether it was measured before with another result. */
  readonly isReplay: boolean
}

interface Panel {
  readonly title: string
  readonly colour: string
  /** Measurements, by step. */
  readonly marks: readonly Mark[]
  readonly forecast: readonly Mark[]
}

/** Number of marks beyond which they are drawn small. */
const MANY = 120
/** Distance between the vertical axis and the first mark. */
const GAP = 12

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

/** Maps values to positions in a picture. */
interface Axis {
  readonly from: number
  readonly to: number
  /** Round values to label. */
  readonly ticks: readonly number[]
  readonly at: (value: number) => number
}

interface Span {
  /** Smallest range, so that noise is not magnified. */
  readonly atLeast: number
  /** Approximate number of ticks. */
  readonly marks: number
  /** Whether it ends at the extreme values, which must be integers, instead of at ticks. Default: false. */
  readonly isTight?: boolean
}

/** An axis from position `from` to position `to` that contains all values. */
export function axisOf (values: readonly number[], from: number, to: number, { atLeast, marks, isTight = false }: Span): Axis {
  const least = values.reduce((a, b) => Math.min(a, b), Infinity)
  const most = values.reduce((a, b) => Math.max(a, b), -Infinity)
  const missing = Math.max(0, atLeast - (most - least)) / 2
  const low = Math.max(0, least - missing)
  const high = most + missing
  const step = Math.max(roundStep((high - low) / marks), isTight ? 1 : 0)
  const first = isTight ? Math.ceil(low / step - 1e-9) : Math.floor(low / step + 1e-9)
  const last = isTight ? Math.floor(high / step + 1e-9) : Math.ceil(high / step - 1e-9)
  const round = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)))
  const ticks = isTight && least === most ? [least] : round
  const [start, end] = isTight ? [low, high] : [first * step, last * step]
  return { from, to, ticks, at: (value) => from + (value - start) / (end - start) * (to - from) }
}

/** The smallest of 1, 2 and 5 times powers of ten that is at least this. */
function roundStep (least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return [1, 2, 5].map((factor) => factor * power).find((step) => step >= least * (1 - 1e-9)) ?? 10 * power
}

/** A text element. @param more further attributes */
export function textElement (x: number, y: number, content: string, more = ''): string {
  return `<text x="${place(x)}" y="${place(y)}"${more && ` ${more}`}>${escapeXml(content)}</text>`
}

/** Rounds a coordinate to a tenth of a pixel. */
export const place = (value: number): number => Math.round(value * 10) / 10

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
// eslint-disable-next-line no-control-regex -- matches the characters that XML 1.0 forbids
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g

/** Escapes any text for XML 1.0 and replaces forbidden characters. Run and suite names may contain any of them. */
export function escapeXml (content: string): string {
  return content.toWellFormed().replace(NOT_XML, '\ufffd').replace(/[&<>"']/g, (found) => ENTITIES[found]!)
}

/** Truncates a text to `most` characters with an ellipsis, never within a character. */
export function shortened (content: string, most: number): string {
  const letters = [...content]
  return letters.length <= most ? content : `${letters.slice(0, most - 1).join('')}…`
}
