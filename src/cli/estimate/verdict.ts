import { type ContextEstimate, type Interval, intervalOf, type Obstacle, WORTHWHILE } from './estimate-context.js'

export interface Verdict {
  readonly decision: 'go_on' | 'not_for_you' | 'cannot_tell'
  /** The last line of the output. */
  readonly text: string
  /** Over all contexts, by their tokens; `null`: no generation could be used. */
  readonly saved_ratio: Interval | null
  /** Probability that at least one percent of all tokens is saved. */
  readonly chance: number | null
}

/** Probability above which the verdict is to go on, and below one less which it is not to. */
const SURE = 0.9

const OBSTACLES: Readonly<Record<Obstacle, string>> = {
  accuracy: 'stopping early loses more right answers than --max-em-drop allows',
  probe_cost: 'probes cost about as many tokens as stops save',
  length: 'the model is sure of its answer only near the end of its reasoning, so that there is little to save',
}

/** @param contexts at least one */
export function verdictOf (contexts: readonly ContextEstimate[], maxEmDrop: number): Verdict {
  const weights = contexts.map(({ generations, tokens }) => generations * tokens)
  const all = weights.reduce((sum, weight) => sum + weight, 0)
  const draws = contexts[0]!.draws.map((_, d) => contexts.reduce((sum, { draws }, c) => sum + weights[c]! * draws[d]!, 0) / all)
  const saved = intervalOf(draws)
  const chance = draws.filter((ratio) => ratio >= WORTHWHILE).length / draws.length
  const figures = { saved_ratio: saved, chance }
  if (chance >= SURE) return { decision: 'go_on', text: `Go on: ${benefit(saved, contexts)}.`, ...figures }
  const heaviest = contexts[weights.indexOf(Math.max(...weights))]!
  if (chance <= 1 - SURE) return { decision: 'not_for_you', text: `Not for you: ${whyNot(heaviest)}.`, ...figures }
  return { decision: 'cannot_tell', text: `Cannot tell yet: ${whyUnsure(heaviest, chance, maxEmDrop)}.`, ...figures }
}

function benefit (saved: Interval, contexts: readonly ContextEstimate[]): string {
  const saving = contexts.filter(({ chance }) => chance >= SURE)
  const where = contexts.length === 1 ? '' : `, in ${saving.length} of ${contexts.length} contexts almost certainly`
  const soonest = Math.min(...contexts.map(({ first_certificate: { generations } }) => generations?.estimate ?? Infinity))
  const isBound = contexts.some(({ label }) => label === 'agreement')
  const start = `once learned, after ${isBound ? 'at least' : 'about'} ${roundedCount(soonest)} generations${contexts.length === 1 ? '' : ' of a context'}`
  return `${start}, expect to save ${isBound ? 'at most ' : ''}${percent(saved.estimate)} % of the tokens (${rangeOf(saved)})${isBound ? ', since right answers are not known' : ''}${where}`
}

function whyNot ({ obstacle, first_certificate: { horizon, generations } }: ContextEstimate): string {
  if (obstacle === null || (obstacle === 'accuracy' && generations !== null)) return `no threshold that saves is likely to be certified within ${roundedCount(horizon)} generations`
  return OBSTACLES[obstacle]
}

/**
 * Divided by the bound, the prompts without a loss from which nine draws of ten can be certified: the 0.9 quantile of Gamma(1/2, 1) is
 * 1.35, and a loss above some nine tenths of the bound takes too long.
 */
const ENOUGH = 1.6

function whyUnsure ({ prompts }: ContextEstimate, chance: number, maxEmDrop: number): string {
  const enough = Math.ceil(ENOUGH / maxEmDrop)
  const start = `something is saved with a probability of ${Math.round(100 * chance)} %`
  if (prompts < 2 * enough) return `${start}; ${prompts} prompts are too few for an EM drop of ${points(maxEmDrop)} points, so try ${Math.max(enough, 2 * prompts)}`
  return `${start}; the loss is near --max-em-drop, so try ${4 * prompts} prompts, or allow more`
}

/** `12 to 34 %`. */
export function rangeOf ({ low, high }: Interval): string { return `${percent(low)} to ${percent(high)} %` }

export function percent (ratio: number): string { return (100 * ratio).toFixed(1).replace(/^-0\.0$/, '0.0') }

export function points (drop: number): string { return percent(drop).replace(/\.0$/, '') }

/** A number with two significant digits. */
export function roundedCount (count: number): string {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, count))) - 1)
  return String(Math.round(count / unit) * unit)
}
