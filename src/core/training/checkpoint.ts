import { contextChain, unknownLevel, type Context, type Levels } from '../policy/context.js'

/** What an evaluation of one checkpoint of a run on one suite of questions found. Rates and EM are fractions. */
export interface Checkpoint {
  /** Of the training, e.g. the number of updates. */
  readonly step: number
  readonly suite: string
  readonly em: number
  /** Questions asked. */
  readonly n: number
  /** Of `em`, where the evaluation knows better than sqrt(em (1 - em) / n): several samples a question, say. */
  readonly em_stderr?: number
  /** Of a response, tokens. */
  readonly tokens_mean: number
  readonly tokens_p50?: number
  readonly tokens_p95?: number
  /** Responses that were stopped early. */
  readonly stop_rate?: number
  /** Responses cut off at the token limit. */
  readonly truncated_rate?: number
  /** Score it was evaluated under; `null`: in full. */
  readonly threshold?: number | null
  /** Where this checkpoint's generations are reported. */
  readonly context?: Context
  /** When it was evaluated, ISO 8601. */
  readonly at?: string
}

/** All but `at`: a job that was suspended evaluates a step again at another time. */
const MEASURED = ['em', 'n', 'em_stderr', 'tokens_mean', 'tokens_p50', 'tokens_p95', 'stop_rate', 'truncated_rate'] as const
const FIGURES = [...MEASURED, 'threshold'] as const

/** Whether two reports of one step and suite say the same. */
export function sameFigures (a: Checkpoint, b: Checkpoint): boolean {
  return FIGURES.every((field) => a[field] === b[field]) && sameContext(a.context ?? {}, b.context ?? {})
}

/** Whether two were evaluated alike; absent is in full, as `null`. */
export function sameThreshold (a: Checkpoint, b: Checkpoint): boolean { return (a.threshold ?? null) === (b.threshold ?? null) }

/** Whether a step's evaluation is of other weights than those before: evaluated alike, it came out otherwise. */
export function isOfOtherWeights (checkpoint: Checkpoint, earlier: readonly Checkpoint[]): boolean {
  const alike = earlier.filter((one) => sameThreshold(one, checkpoint))
  return alike.length > 0 && !alike.some((one) => MEASURED.every((field) => one[field] === checkpoint[field]))
}

function sameContext (a: Context, b: Context): boolean {
  const levels = Object.keys(a)
  return levels.length === Object.keys(b).length && levels.every((level) => a[level] === b[level])
}

/** The key of the deepest link that a context names: `model=q` for `{model: 'q'}`, with everything below it. */
export function namedKey (levels: Levels, context: Context): string {
  return contextChain(levels, context)[1 + levels.findLastIndex((level) => context[level] !== undefined)]!
}

/** What the schema can't say: figures that contradict each other, a level that is not there. */
export function checkpointProblem (levels: Levels, checkpoint: Checkpoint): { path: string, message: string } | null {
  const { tokens_p50: p50, tokens_p95: p95, context, at } = checkpoint
  if (p50 !== undefined && p95 !== undefined && p50 > p95) return { path: '/tokens_p50', message: 'is above tokens_p95' }
  if (at !== undefined && !isTime(at)) return { path: '/at', message: 'must be a time there is, as in 2026-01-31T12:00:00Z; a leap second is :59' }
  if (context === undefined) return null
  const level = unknownLevel(levels, context)
  if (level !== null) return { path: `/context/${level}`, message: `unknown context level: the levels are ${levels.join(', ')} (CONTEXT_LEVELS)` }
  if (Object.keys(context).length > 0) return null
  return { path: '/context', message: 'must name a level: without one every context would start over with each checkpoint' }
}

/** RFC 3339, without leap seconds, which no clock that reads it has. */
const DAY = '(\\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])'
const TIME = '([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d+)?'
const ZONE = '([Zz]|[+-]([01]\\d|2[0-3]):[0-5]\\d)'
const DATE_TIME = new RegExp(`^${DAY}[Tt]${TIME}${ZONE}$`)

function isTime (text: string): boolean {
  const [, year, month, day] = (DATE_TIME.exec(text) ?? []).map(Number)
  if (day === undefined) return false
  const isLeapYear = year! % 4 === 0 && (year! % 100 !== 0 || year! % 400 === 0)
  return day <= (month === 2 ? isLeapYear ? 29 : 28 : [4, 6, 9, 11].includes(month!) ? 30 : 31)
}
