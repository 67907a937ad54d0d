import { isNumber, type Draft, type Found, type Hints } from './found.js'
import { timeOf } from './time-of.js'

interface Results {
  readonly results: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly 'n-samples'?: Readonly<Record<string, { effective?: number, original?: number }>>
  /** The tasks of each group. */
  readonly group_subtasks?: Readonly<Record<string, unknown>>
  readonly config?: { model_args?: unknown }
  readonly model_name?: unknown
  /** s since 1970. */
  readonly date?: unknown
}

export function isHarnessResults (json: unknown): json is Results {
  return typeof json === 'object' && json !== null && typeof (json as Results).results === 'object' && (json as Results).results !== null
}

/** Names of checkpoints: checkpoint-500, global_step_500, iter_0000500, step=500. */
const STEP = /(?:checkpoint|ckpt|global_?step|step|iter(?:ation)?)[-_=]?0*(\d+)/gi

/**
 * Results of lm-evaluation-harness: `exact_match,<filter>` and `exact_match_stderr,<filter>` of each task, strict-match first. The harness
 * does not count tokens, but a task may have a metric `tokens_mean`. Flags overrule what is guessed from names or standard errors.
 */
export function readHarnessResults (file: string, json: Results, { filter, step: given, n: counted }: Hints): Found[] {
  const step = given ?? stepOf(json, file)
  return Object.entries(json.results).flatMap(([suite, metrics]) => {
    const name = filterOf(metrics, filter)
    if (name === null) return []
    const em = metrics[`exact_match,${name}`] as number
    const stderr = metrics[`exact_match_stderr,${name}`]
    const n = questionsOf(json, suite) ?? counted ?? samplesOf(em, stderr)
    const tokens = Object.entries(metrics).find(([metric]) => metric.startsWith('tokens_mean,'))?.[1]
    const draft: Draft = {
      suite,
      em,
      ...(step !== null && { step }),
      ...(isNumber(stderr) && { em_stderr: stderr }),
      ...(isNumber(n) && { n }),
      ...(isNumber(tokens) && { tokens_mean: tokens }),
      ...(isNumber(json.date) && timeOf(json.date)),
    }
    return [{ place: file, draft }]
  })
}

function filterOf (metrics: Readonly<Record<string, unknown>>, wanted: string | undefined): string | null {
  const names = Object.keys(metrics).filter((metric) => metric.startsWith('exact_match,') && isNumber(metrics[metric])).map((metric) => metric.slice('exact_match,'.length))
  return [wanted ?? 'strict-match', ...(wanted === undefined ? names : [])].find((name) => names.includes(name)) ?? null
}

/** The recorded number of questions; for a group the sum over its tasks, which may be groups. */
function questionsOf (json: Results, suite: string, depth = 0): number | null {
  const own = json['n-samples']?.[suite]?.effective
  const tasks = json.group_subtasks?.[suite]
  if (isNumber(own) || !Array.isArray(tasks) || tasks.length === 0 || depth > 8) return isNumber(own) ? own : null
  return tasks.reduce<number | null>((sum, task) => {
    const n = questionsOf(json, String(task), depth + 1)
    return sum === null || n === null ? null : sum + n
  }, 0)
}

/** The harness gives the standard error of a mean, sqrt(em (1 - em) / (n - 1)), from which n follows. */
function samplesOf (em: number, stderr: unknown): number | null {
  if (!isNumber(stderr) || stderr <= 0) return null
  const n = 1 + em * (1 - em) / stderr ** 2
  return Math.abs(n - Math.round(n)) < 0.01 * n && n < 1e9 ? Math.round(n) : null
}

function stepOf ({ config, model_name: name }: Results, file: string): number | null {
  for (const text of [config?.model_args, name, file]) {
    const last = [...(typeof text === 'string' ? text : JSON.stringify(text) ?? '').matchAll(STEP)].at(-1)
    if (last !== undefined) return Number(last[1])
  }
  return null
}
