import type { SuiteView } from '../core/training/describe-series.js'
import { axisOf, type Axis } from './axis.js'
import { drawPanel, GAP, numberOf, type Mark, type Panel } from './panel.js'
import { place, shortened, textElement } from './svg.js'
import { intervalsOf, type PointView } from '../core/training/describe-point.js'

const [WIDTH, HEIGHT] = [900, 612]
const [LEFT, RIGHT] = [70, 865]
const EM = { top: 110, bottom: 310 }
const TOKENS = { top: 380, bottom: 560 }
/** Blue and vermilion of Okabe & Ito (2008), which colour-blind readers can tell apart. */
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
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="13" fill="#222">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    textElement(LEFT, 30, `${shortened(run, 44)} · ${shortened(suite, 24)}`, 'font-size="18" font-weight="bold"'),
    textElement(LEFT, 52, `step ${numberOf(last.step)}: EM ${percent(last.em)} % (${percent(last.em_low)} to ${percent(last.em_high)}), ${numberOf(Math.round(last.tokens_mean))} tokens; verdicts: ${said}`),
    textElement(LEFT, 72, `bars: 95 % intervals; shaded: forecast, 90 %; hollow: measured anew; max_em_drop ${percent(drop)} points${underOf(threshold, left)}`, 'fill="#555" font-size="12"'),
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

type Drawn = Pick<PointView, 'step' | 'em' | 'em_low' | 'em_high' | 'tokens_mean' | 'tokens_low' | 'tokens_high' | 'is_replay'>

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
