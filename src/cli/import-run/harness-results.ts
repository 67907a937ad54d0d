import { FileError } from '../command-line/command-error.js'
import { isNumber, listNames, timeField, type Draft, type FoundCheckpoint, type Hints, type Listener } from './checkpoint-draft.js'
import { sampleLengths, type TokenCounter } from './sample-lengths.js'

type Metrics = Readonly<Record<string, unknown>>

export interface HarnessResults {
  readonly results: Readonly<Record<string, Metrics>>
  readonly 'n-samples'?: Readonly<Record<string, { effective?: number, original?: number }>>
  /** The tasks of each group. */
  readonly group_subtasks?: Readonly<Record<string, unknown>>
  readonly config?: { model?: unknown, model_args?: unknown }
  readonly model_name?: unknown
  /** s since 1970. */
  readonly date?: unknown
}

export function isHarnessResults (json: unknown): json is HarnessResults {
  return typeof json === 'object' && json !== null && typeof (json as HarnessResults).results === 'object' && (json as HarnessResults).results !== null
}

/**
 * Results of lm-evaluation-harness: `exact_match,<filter>` and `exact_match_stderr,<filter>` of each task, strict-match first. The harness
 * does not count tokens: a task may have a metric for them, or they are counted in the answers that `--log_samples` keeps. Flags overrule
 * guesses from names or standard errors. The Python client adds figures of an evaluation that it stopped early.
 */
export async function readHarnessResults (
  file: string, json: HarnessResults, hints: Hints, { onProblem, onNote }: Listener
): Promise<FoundCheckpoint[]> {
  const guess = hints.step === undefined ? stepOf(json, file) : null
  const found: FoundCheckpoint[] = []
  for (const [suite, metrics] of Object.entries(json.results)) {
    if (hints.suite !== undefined && suite !== hints.suite) {
      found.push({ place: file, draft: { suite } }) // it is left out as in any other format
      continue
    }
    try {
      const filter = filterOf(file, suite, metrics, hints)
      if (typeof filter !== 'string') {
        if (filter.leftOut !== null) onNote(filter.leftOut)
        continue
      }
      const figures = await figuresOf(file, json, suite, filter, hints)
      found.push({ place: file, draft: { suite, ...figures, ...(guess !== null && { step: guess.step }) } })
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      onProblem(error)
    }
  }
  if (hints.countTokens !== undefined && found.length > 0 && /chat-completions/.test(String(json.config?.model))) {
    onNote(`${file}: the tokens are those of the messages from ${String(json.config!.model)}. If that server separates the reasoning (--reasoning-parser), they lack it: leave --tokenizer out and add --tokens-mean`)
  }
  if (guess !== null && found.length > 0) onNote(`${file}: step ${guess.step} is taken from ${guess.name} in ${guess.place}; --step overrules it`)
  return found
}

async function figuresOf (file: string, json: HarnessResults, suite: string, filter: string, hints: Hints): Promise<Draft> {
  const { metric = 'exact_match', tokensMetric = 'tokens_mean', n: counted, countTokens } = hints
  const metrics = json.results[suite]!
  const em = metrics[`${metric},${filter}`] as number
  const stderr = metrics[`${metric}_stderr,${filter}`]
  const n = questionsOf(json, suite) ?? counted ?? questionsFromError(em, stderr)
  const tokens = metrics[`${tokensMetric},${filter}`] ?? Object.entries(metrics).find(([name]) => name.startsWith(`${tokensMetric},`))?.[1]
  const estimated = Object.entries({
    em_estimate_low: `${metric}_estimate_low`, em_estimate_high: `${metric}_estimate_high`, tokens_spent_mean: 'tokens_spent_mean', stop_rate: 'stop_rate',
  }).map(([field, name]) => [field, metrics[`${name},${filter}`]])
  return {
    em,
    ...Object.fromEntries(estimated.filter(([, value]) => isNumber(value))),
    ...(isNumber(stderr) && { em_stderr: stderr }),
    ...(isNumber(n) && { n }),
    ...(isNumber(tokens) ? { tokens_mean: tokens } : countTokens !== undefined && await countedIn(file, json, suite, filter, countTokens)),
    ...(isNumber(json.date) && timeField(json.date)),
  }
}

/** @throws FileError if the answers are not there, or not as they were generated */
async function countedIn (file: string, json: HarnessResults, suite: string, filter: string, countTokens: TokenCounter) {
  if (JSON.stringify(json.config?.model_args ?? '').includes('think_end_token')) {
    throw new FileError(`${file}: the answers of ${suite} cannot be counted, since lm_eval cut their reasoning off (think_end_token): leave --tokenizer out and add --tokens-mean`)
  }
  return await sampleLengths(file, tasksOf(json, suite), filter, countTokens)
}

/** A task itself, or the tasks of a group, which may be groups, and may be listed in many groups or in themselves. */
function tasksOf ({ group_subtasks: groups }: HarnessResults, suite: string): string[] {
  const names = new Set([suite])
  const tasks: string[] = []
  for (const name of names) { // also over those that are added meanwhile
    const of = groups?.[name]
    if (!Array.isArray(of) || of.length === 0) tasks.push(name)
    else for (const task of of) names.add(String(task))
  }
  return tasks
}

/**
 * The filter whose values are read, or why the task is left out; `null` if it has no metrics, as the heading of a group.
 * @throws FileError if the filter that was asked for is not there
 */
function filterOf (file: string, suite: string, metrics: Metrics, { metric = 'exact_match', filter: wanted }: Hints): string | { leftOut: string | null } {
  const names = Object.keys(metrics).filter((name) => name.includes(',') && isNumber(metrics[name]) && !name.includes('_stderr,'))
  const filters = names.filter((name) => name.startsWith(`${metric},`)).map((name) => name.slice(metric.length + 1))
  if (filters.length === 0) return { leftOut: names.length === 0 ? null : `${file}: ${suite} is left out: it has no ${metric}, but ${listNames(names)}; --metric chooses one` }
  if (wanted === undefined) return filters.includes('strict-match') ? 'strict-match' : filters[0]!
  if (filters.includes(wanted)) return wanted
  throw new FileError(`${file}: ${suite} is left out: its ${metric} has no filter ${wanted}, but ${listNames(filters)}`)
}

/**
 * The recorded number of questions; for a group the sum over its tasks, which may be groups.
 * @param known of groups that were counted before, since one may be listed many times; `null` of those that are being counted
 */
function questionsOf (json: HarnessResults, suite: string, known = new Map<string, number | null>()): number | null {
  if (known.has(suite)) return known.get(suite)!
  known.set(suite, null)
  const own = json['n-samples']?.[suite]?.effective
  const tasks = json.group_subtasks?.[suite]
  const isGroup = !isNumber(own) && Array.isArray(tasks) && tasks.length > 0
  const counts = isGroup ? tasks.map((task) => questionsOf(json, String(task), known)) : [own]
  const count = counts.every(isNumber) ? counts.reduce((sum, n) => sum + n, 0) : null
  known.set(suite, count)
  return count
}

/** The harness gives the standard error of a mean, sqrt(em (1 - em) / (n - 1)), from which n follows. */
function questionsFromError (em: number, stderr: unknown): number | null {
  if (!isNumber(stderr) || stderr <= 0) return null
  const n = 1 + em * (1 - em) / stderr ** 2
  return Math.abs(n - Math.round(n)) < 0.01 * n && n < 1e9 ? Math.round(n) : null
}

/** Arguments of the harness that name a model, in its order. */
const MODELS = ['peft', 'delta', 'pretrained', 'model', 'path', 'engine']

function stepOf ({ config, model_name: name }: HarnessResults, file: string): GuessedStep & { place: string } | null {
  const args = argumentsOf(config?.model_args)
  const places = [...MODELS.map((argument) => [`its model's ${argument}`, args[argument]] as const), ['its model_name', name] as const, ['its path', file] as const]
  for (const [place, text] of places) {
    const guess = typeof text === 'string' ? guessStep(text) : null
    if (guess !== null) return { ...guess, place }
  }
  return null
}

/** `pretrained=a,dtype=b`, or an object. */
function argumentsOf (args: unknown): Readonly<Record<string, unknown>> {
  if (typeof args !== 'string') return Object(args)
  return Object.fromEntries(args.split(',').map((one) => [one.split('=', 1)[0]!.trim(), one.slice(one.indexOf('=') + 1)]))
}

/**
 * The name of a checkpoint at the end of a part of a path: checkpoint-500, ckpt_500, global_step_500, step=500, iter_0000500. Neither
 * `step-3`, which is how models are named (stepfun-ai/Step-3), nor a longer name such as step-2-mini is one.
 */
const CHECKPOINT = /(?:^|[-_.=])((?:(?:checkpoint|ckpt|iter(?:ation)?)[-_=]|(?:global_?)?step[_=])0*(\d{1,15}))$/i

/** The text that may follow the name of a checkpoint in the name of a file. */
const ENDING = /(?:_\d{4}-\d\d-\d\dT[\d.-]+)?\.json$/

interface GuessedStep { readonly step: number, readonly name: string }

/** The step that a path or a model's name states; `null` if none does. lm-evaluation-harness writes `__` for a slash. */
export function guessStep (path: string): GuessedStep | null {
  const found = path.replace(ENDING, '').split(/[/\\]|__/).map((part) => CHECKPOINT.exec(part)).findLast((match) => match !== null)
  return found === undefined || found === null ? null : { step: Number(found[2]), name: found[1]! }
}
