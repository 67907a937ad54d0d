import { type Context, contextChain, type Levels, unknownLevel } from '../policy/context.js'

/** The evaluation of one checkpoint of a training run on one suite of questions. Rates and EM are fractions. */
export interface Checkpoint {
  /** Training step, e.g. the number of updates. */
  readonly step: number
  readonly suite: string
  readonly em: number
  /** Questions asked. */
  readonly n: number
  /** Standard error of `em`, if it is not sqrt(em (1 - em) / n), e.g. with several samples per question. */
  readonly em_stderr?: number
  /** 95 % interval of the EM of full responses to the same questions, where `em` is estimated from an evaluation that was stopped early. */
  readonly em_estimate_low?: number
  readonly em_estimate_high?: number
  /** Mean length of a response, tokens. */
  readonly tokens_mean: number
  /** Mean tokens spent on a response with its probes, where `tokens_mean` is estimated likewise. */
  readonly tokens_spent_mean?: number
  readonly tokens_p50?: number
  readonly tokens_p95?: number
  /** Share of responses stopped early. */
  readonly stop_rate?: number
  /** Share of responses cut off at the token limit. */
  readonly truncated_rate?: number
  /** Of rollouts: mean variance of the rewards in a group, which advantages are made of. */
  readonly advantage_variance?: number
  /** Threshold that stopped responses in the evaluation; `null`: none. */
  readonly threshold?: number | null
  /** Context that this checkpoint serves. */
  readonly context?: Context
  /** A step of training, which goes on with the epoch of its context. */
  readonly continues?: boolean
  /** Time of the evaluation, RFC 3339. */
  readonly at?: string
}

/** Without `at`: a resumed job evaluates the same step again at another time. */
const MEASURED = [
  'em', 'n', 'em_stderr', 'em_estimate_low', 'em_estimate_high', 'tokens_mean', 'tokens_spent_mean', 'tokens_p50', 'tokens_p95', 'stop_rate',
  'truncated_rate', 'advantage_variance',
] as const
const FIGURES = [...MEASURED, 'threshold'] as const

/** Whether two reports of one step and suite have the same content. */
export function sameFigures (a: Checkpoint, b: Checkpoint): boolean {
  return FIGURES.every((field) => a[field] === b[field]) && sameContext(a.context ?? {}, b.context ?? {})
}

/** Whether two checkpoints were evaluated under the same threshold; an absent one is the same as `null`. */
export function sameThreshold (a: Checkpoint, b: Checkpoint): boolean { return (a.threshold ?? null) === (b.threshold ?? null) }

/**
 * Whether an evaluation must be of other weights than the earlier ones of its step: under the same threshold, its figures differ.
 * Estimates differ by chance, and show nothing.
 */
export function hasOtherWeights (checkpoint: Checkpoint, earlier: readonly Checkpoint[]): boolean {
  if (isEstimate(checkpoint)) return false
  const comparable = earlier.filter((one) => sameThreshold(one, checkpoint) && !isEstimate(one))
  return comparable.length > 0 && !comparable.some((one) => MEASURED.every((field) => one[field] === checkpoint[field]))
}

function isEstimate ({ em_estimate_low: low, em_estimate_high: high }: Checkpoint): boolean {
  return low !== undefined || high !== undefined
}

function sameContext (a: Context, b: Context): boolean {
  const levels = Object.keys(a)
  return levels.length === Object.keys(b).length && levels.every((level) => a[level] === b[level])
}

/** The key of the deepest level that a context names, e.g. `model=q` for `{ model: 'q' }`. */
export function namedKey (levels: Levels, context: Context): string {
  return contextChain(levels, context)[1 + levels.findLastIndex((level) => context[level] !== undefined)]!
}

/** Checks of a checkpoint that its schema cannot express. @returns the first problem found, or `null` */
export function checkpointProblem (levels: Levels, checkpoint: Checkpoint): { path: string, message: string } | null {
  const { em, em_estimate_low: low = em, em_estimate_high: high = em, tokens_p50: p50, tokens_p95: p95, context, at } = checkpoint
  if (low > em) return { path: '/em_estimate_low', message: 'must not be above em' }
  if (high < em) return { path: '/em_estimate_high', message: 'must not be below em' }
  if (p50 !== undefined && p95 !== undefined && p50 > p95) return { path: '/tokens_p50', message: 'must not be above tokens_p95' }
  if (at !== undefined && !isTime(at)) return { path: '/at', message: 'must be an existing RFC 3339 time such as 2026-01-31T12:00:00Z, without leap seconds' }
  if (context === undefined) return null
  const level = unknownLevel(levels, context)
  if (level !== null) return { path: `/context/${level}`, message: `is not a context level; the levels are ${levels.join(', ')} (CONTEXT_LEVELS)` }
  if (Object.keys(context).length > 0) return null
  return { path: '/context', message: 'must name at least one level, or every checkpoint would start a new epoch in every context' }
}

/** RFC 3339 without leap seconds, which `Date` cannot represent. */
const DAY = '(\\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])'
const TIME = '([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d+)?'
const ZONE = '([Zz]|[+-]([01]\\d|2[0-3]):[0-5]\\d)'
const DATE_TIME = new RegExp(`^${DAY}[Tt]${TIME}${ZONE}$`)

export function isTime (text: string): boolean {
  const [, year, month, day] = (DATE_TIME.exec(text) ?? []).map(Number)
  if (day === undefined) return false
  const isLeapYear = year! % 4 === 0 && (year! % 100 !== 0 || year! % 400 === 0)
  return day <= (month === 2 ? isLeapYear ? 29 : 28 : [4, 6, 9, 11].includes(month!) ? 30 : 31)
}
