import { FIGURES, isNumber, type Draft, type Found, type Hints } from './found.js'

interface TrainerState { readonly log_history: ReadonlyArray<Readonly<Record<string, unknown>>> }

export function isTrainerState (json: unknown): json is TrainerState {
  return typeof json === 'object' && json !== null && Array.isArray((json as TrainerState).log_history)
}

/**
 * Fields by their names in Trainer or `compute_metrics`, after `eval_` or `eval_<suite>_`. `gen_len` comes from the Seq2SeqTrainer, names
 * with a slash from TRL's GRPOTrainer with a reward function named exact_match.
 */
const FIELDS: Readonly<Record<string, keyof Draft>> = {
  ...FIGURES,
  samples: 'n',
  gen_len: 'tokens_mean',
  'rewards/exact_match': 'em',
  'rewards/exact_match/mean': 'em',
  'completions/mean_length': 'tokens_mean',
  'completions/clipped_ratio': 'truncated_rate',
}
const NAME = new RegExp(`^eval_(?:(.+)_)??(${[...Object.keys(FIELDS), 'runtime', 'samples_per_second'].join('|')})$`)

/** Hugging Face `trainer_state.json`: the evaluations in `log_history`, by suite. */
export function readTrainerState (file: string, { log_history: history }: TrainerState, { suite: bare = 'eval', n: counted }: Hints): Found[] {
  return history.flatMap((entry, i) => {
    const bySuite = new Map<string, Record<string, number>>()
    for (const [name, value] of Object.entries(entry)) {
      const [, suite = bare, field] = NAME.exec(name) ?? []
      if (field === undefined || !isNumber(value)) continue
      const figures = bySuite.get(suite) ?? {}
      bySuite.set(suite, figures)
      figures[FIELDS[field] ?? field] = value
    }
    return [...bySuite].filter(([, { em }]) => em !== undefined).map(([suite, { runtime, samples_per_second: pace, ...figures }]) => {
      const n = figures.n ?? counted ?? samplesOf(runtime, pace)
      const draft = { suite, ...figures, ...(n !== null && { n }), ...(isNumber(entry.step) && { step: entry.step }) }
      return { place: `${file}: log_history[${i}]`, draft }
    })
  })
}

/** n from the runtime and the samples a second, if their rounding (to four and three digits) leaves only one choice. */
function samplesOf (seconds: number | undefined, pace: number | undefined): number | null {
  if (seconds === undefined || pace === undefined || seconds * 0.0005 + pace * 0.00005 > 0.4) return null
  return Math.round(seconds * pace) || null
}
