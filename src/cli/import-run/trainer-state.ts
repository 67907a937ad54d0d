import { shortestFloat } from '../event-files/event.js'
import { samplesOf, trainerNames } from './figure-names.js'
import { isNumber, namesOf, type Found, type Hints } from './found.js'

interface TrainerState { readonly log_history: ReadonlyArray<Readonly<Record<string, unknown>>> }

export function isTrainerState (json: unknown): json is TrainerState {
  return typeof json === 'object' && json !== null && Array.isArray((json as TrainerState).log_history)
}

const EVAL = 'eval_'

/**
 * Hugging Face `trainer_state.json`: the evaluations in `log_history`, by suite. With several evaluation sets each has an entry of its own,
 * which `eval_<set>_runtime` names; the GRPOTrainer's metrics in it do not name the set.
 */
export function readTrainerState (file: string, { log_history: history }: TrainerState, hints: Hints): Found[] {
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
      const n = rest.n ?? hints.n ?? samplesOf(runtime, pace)
      const draft = { suite, ...rest, ...(n !== null && { n }), ...(isNumber(entry.step) && { step: entry.step }) }
      return { place: `${file}: log_history[${i}]`, draft }
    })
  })
}

/** The metrics that there are, for a message. */
export function metricsIn ({ log_history: history }: TrainerState): string {
  const names = new Set(history.flatMap((entry) => Object.keys(entry).filter((name) => name.startsWith(EVAL))))
  return names.size === 0 ? 'no evaluation in log_history' : `log_history has ${namesOf(names)}`
}
