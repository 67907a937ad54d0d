import type { HistoryChange } from './api.js'

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })
const fine = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 })

/** The text for an absent value. */
export const NONE = '–'

type Figure = number | null | undefined

const shown = (value: Figure, render: (value: number) => string): string => value == null || !Number.isFinite(value) ? NONE : render(value)

export const count = (value: Figure): string => shown(value, (number) => minus(whole.format(number)))
/** A count with its noun: 1 pin, 2 pins. */
export const counted = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? '' : 's'}`
/** Large counts in short: 12.3M. */
export const short = (value: Figure): string =>
  shown(value, (number) => minus((Math.abs(number) < 10_000 ? whole : compact).format(number)))
/** Events an hour, which may be few. */
export const rate = (value: Figure): string => shown(value, (number) => number > 0 && number < 10 ? fine.format(number) : short(number))
/** The interval of the tokens saved, if there is one. */
export function spread (interval: readonly [low: Figure, high: Figure] | null): string {
  return interval === null || interval[0] === interval[1] ? '' : `${short(interval[0])} to ${short(interval[1])}; `
}
/** A fraction as percent. */
export const percent = (value: Figure, digits = 1): string => shown(value, (number) => `${minus((number * 100).toFixed(digits))}\u00a0%`)
/** A difference of EM as points. */
export const points = (value: Figure, digits = 2): string => shown(value, (number) => `${minus((number * 100).toFixed(digits))}\u00a0pt`)
/** A change of EM as points. Below one point it has two significant digits, since the change per step or per token is small. */
export const finePoints = (value: Figure): string =>
  shown(value, (number) => Math.abs(number) >= 0.01 ? points(number) : `${minus(fine.format(number * 100))}\u00a0pt`)
/** A small number, to two significant digits. */
export const fineDecimals = (value: Figure): string => shown(value, (number) => minus(fine.format(number)))
/** A score; `null` means that nothing is stopped. */
export const threshold = (value: Figure): string => value == null ? 'never stop' : trim(value.toFixed(4))
const MODES: Readonly<Record<string, string>> = { enforce: 'stopping enabled', shadow: 'shadow, stops nothing', off: 'stopping disabled' }

type ChangeCause = Pick<HistoryChange, 'key' | 'cause' | 'mode_before' | 'mode_after'> & { readonly fields?: readonly string[] }

/** Whether a change paused stopping or ended the pause, which is mode `off` of the root. */
export const isOfPause = ({ key, mode_before: before, mode_after: after }: ChangeCause) => key === '*' && before !== after && (before === 'off' || after === 'off')

/** The cause of a change: a pause as such, and a policy with the fields that it changed. */
export function causeText (change: ChangeCause): string {
  const { cause, fields = [], mode_after: mode } = change
  if (isOfPause(change)) return mode === 'off' ? 'paused' : 'pause ended'
  return `${words(cause)}${fields.length === 0 ? '' : `: ${fields.join(', ')}`}`
}

/** The effect of a change in the history, as text before and after: the mode, the threshold, or both. */
export function movement ({ before, after, mode_before: modeBefore, mode_after: modeAfter }: Pick<HistoryChange, 'before' | 'after' | 'mode_before' | 'mode_after'>): [from: string, to: string] {
  const text = (value: Figure, mode: string | undefined) => [
    ...mode === undefined ? [] : [MODES[mode] ?? mode], ...mode !== undefined && before === after ? [] : [threshold(value)],
  ].join(', ')
  return [text(before, modeBefore), text(after, modeAfter)]
}

export const decimals = (value: Figure, digits = 2): string => shown(value, (number) => minus(number.toFixed(digits)))

function trim (text: string): string { return text.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '') }

/** A real minus sign, and no minus before zero. */
function minus (text: string): string { return /^-0(\.0*)?$/.test(text) ? text.slice(1) : text.replace('-', '−') }

const UNITS: ReadonlyArray<readonly [seconds: number, name: string]> = [[86_400, 'd'], [3600, 'h'], [60, 'min'], [1, 's']]

/** A duration in its largest unit. */
export function duration (seconds: Figure): string {
  return shown(seconds, (value) => {
    const [unit, name] = UNITS.find(([size]) => value >= size) ?? [1, 's']
    return `${Math.round(value / unit)}\u00a0${name}`
  })
}

/** How long ago a time was. @param iso ISO 8601 */
export function ago (iso: string | null | undefined, now: number): string {
  if (iso == null) return NONE
  const seconds = (now - Date.parse(iso)) / 1000
  return seconds < 1 ? 'just now' : `${duration(seconds)} ago`
}

/** A time in the zone of the user. */
export function clockTime (iso: string | null | undefined): string {
  return iso == null ? NONE : new Date(iso).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })
}

/** A word of the API in prose: `drift_suspected` becomes `drift suspected`. */
export const words = (name: string): string => name.replaceAll('_', ' ')
