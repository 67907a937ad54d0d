import type { Draft, Hints } from './found.js'

/** A field by its name in a file; the last two tell the number of questions. */
export type Figure = keyof Draft | 'runtime' | 'samples_per_second'

/** Names that training stacks give to the figures of an evaluation. */
export function figureNames ({ metric, tokensMetric }: Hints): ReadonlyMap<string, Figure> {
  const em = metric === undefined ? ['exact_match', 'em'] : [metric]
  return new Map<string, Figure>([
    ...em.flatMap((name): Array<[string, Figure]> => [[name, 'em'], [`${name}_stderr`, 'em_stderr']]),
    [tokensMetric ?? 'tokens_mean', 'tokens_mean'],
    ...(['n', 'tokens_p50', 'tokens_p95', 'stop_rate', 'truncated_rate', 'threshold'] as const).map((name) => [name, name] as const),
  ])
}

export interface TrainerFigure { readonly suite: string | undefined, readonly field: Figure }

/**
 * Reads the names of Trainer's metrics after `eval_`: `<field>`, or `<suite>_<field>` with several evaluation sets. `gen_len` comes from
 * the Seq2SeqTrainer, names with a slash from TRL's GRPOTrainer, for a reward function named like the metric.
 */
export function trainerNames (hints: Hints): (name: string) => TrainerFigure | null {
  const { metric = 'exact_match', tokensMetric } = hints
  const lengths: Array<[string, Figure]> = tokensMetric === undefined ? [['gen_len', 'tokens_mean'], ['completions/mean_length', 'tokens_mean']] : []
  const names = new Map<string, Figure>([
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
export function samplesOf (seconds: number | undefined, pace: number | undefined): number | null {
  if (seconds === undefined || pace === undefined || seconds * 0.0005 + pace * 0.00005 > 0.4) return null
  return Math.round(seconds * pace) || null
}
