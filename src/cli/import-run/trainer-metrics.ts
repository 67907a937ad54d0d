import { isNumber, listNames, type Draft, type Hints, type FoundCheckpoint } from './checkpoint-draft.js'
import { shortestFloat } from '../event-files/event.js'

/** A field by its name in a file; the last two give the number of questions. */
export type CheckpointFigure = keyof Draft | 'runtime' | 'samples_per_second'

/** Figures that have the same name everywhere. */
const FIGURES = [
  'n', 'em_estimate_low', 'em_estimate_high', 'tokens_spent_mean', 'tokens_p50', 'tokens_p95', 'stop_rate', 'truncated_rate',
  'advantage_variance', 'threshold',
] as const

/** Names that training stacks give to the figures of an evaluation. */
export function figureNames ({ metric, tokensMetric }: Hints): ReadonlyMap<string, CheckpointFigure> {
  const em = metric === undefined ? ['exact_match', 'em'] : [metric]
  return new Map<string, CheckpointFigure>([
    ...em.flatMap((name): Array<[string, CheckpointFigure]> => [[name, 'em'], [`${name}_stderr`, 'em_stderr']]),
    [tokensMetric ?? 'tokens_mean', 'tokens_mean'],
    ...FIGURES.map((name) => [name, name] as const),
  ])
}

interface TrainerFigure { readonly suite: string | undefined, readonly field: CheckpointFigure }

/**
 * Reads the names of Trainer's metrics after `eval_`: `<field>`, or `<suite>_<field>` with several evaluation sets. `gen_len` comes from
 * the Seq2SeqTrainer, names with a slash from TRL's GRPOTrainer, for a reward function named like the metric.
 */
export function trainerNames (hints: Hints): (name: string) => TrainerFigure | null {
  const { metric = 'exact_match', tokensMetric } = hints
  const lengths: Array<[string, CheckpointFigure]> = tokensMetric === undefined ? [['gen_len', 'tokens_mean'], ['completions/mean_length', 'tokens_mean']] : []
  const names = new Map<string, CheckpointFigure>([
    ...figureNames(hints),
    ...lengths,
    ['samples', 'n'],
    [`rewards/${metric}`, 'em'],
    [`rewards/${metric}/mean`, 'em'],
    ['completions/clipped_ratio', 'truncated_rate'],
    ['runtime', 'runtime'],
    ['samples_per_second', 'samples_per_second'],
  ])
  const pattern = new RegExp(`^(?:(.+)_)??(${[...names.keys()].map((name) => name.replace(/[^\w/]/g, '\\$&')).join('|')})$`)
  return (name) => {
    const [, suite, found] = pattern.exec(name) ?? []
    return found === undefined ? null : { suite, field: names.get(found)! }
  }
}

/** n from the runtime and the samples a second, if their rounding (to four and three digits) leaves only one choice. */
export function questionsFromRate (seconds: number | undefined, pace: number | undefined): number | null {
  if (seconds === undefined || pace === undefined || seconds * 0.0005 + pace * 0.00005 > 0.4) return null
  return Math.round(seconds * pace) || null
}

interface TrainerState { readonly log_history: ReadonlyArray<Readonly<Record<string, unknown>>> }

export function isTrainerState (json: unknown): json is TrainerState {
  return typeof json === 'object' && json !== null && Array.isArray((json as TrainerState).log_history)
}

const EVAL = 'eval_'

/**
 * Hugging Face `trainer_state.json`: the evaluations in `log_history`, by suite. With several evaluation sets each has an entry of its own,
 * which `eval_<set>_runtime` names; the GRPOTrainer's metrics in it do not name the set.
 */
export function readTrainerState (file: string, { log_history: history }: TrainerState, hints: Hints): FoundCheckpoint[] {
  const figureOf = trainerNames(hints)
  return history.flatMap((entry, i) => {
    const figures = Object.entries(entry).flatMap(([name, value]) => {
      const figure = name.startsWith(EVAL) && isNumber(value) ? figureOf(name.slice(EVAL.length)) : null
      // TensorBoard logs of the same training have floats, and the service takes equal figures for the same evaluation.
      return figure === null ? [] : [{ ...figure, value: shortestFloat(Math.fround(value as number)) }]
    })
    const bare = figures.find(({ field }) => field === 'runtime')?.suite ?? hints.suite ?? 'eval'
    const bySuite = new Map<string, Record<string, number>>()
    for (const { suite = bare, field, value } of figures) bySuite.set(suite, { ...bySuite.get(suite), [field]: value })
    return [...bySuite].filter(([, { em }]) => em !== undefined).map(([suite, { runtime, samples_per_second: pace, ...rest }]) => {
      const n = rest.n ?? hints.n ?? questionsFromRate(runtime, pace)
      const draft = { suite, ...rest, ...(n !== null && { n }), ...(isNumber(entry.step) && { step: entry.step }) }
      return { place: `${file}: log_history[${i}]`, draft }
    })
  })
}

/** The metrics that there are, for a message. */
export function describeMetrics ({ log_history: history }: TrainerState): string {
  const names = new Set(history.flatMap((entry) => Object.keys(entry).filter((name) => name.startsWith(EVAL))))
  return names.size === 0 ? 'no evaluation in log_history' : `log_history has ${listNames(names)}`
}
