import type { Logger } from 'pino'
import { CONTEXT_PROBLEMS } from '../core/decide/index.js'
import { throttle } from '../logging/log.js'
import { fieldOf } from './protocol/json.js'
import type { PassCause } from './protocol/stoppable-request.js'

/** Interval between two warnings about a persistent problem, ms. */
const REPEAT_MS = 10_000

/** Largest number of unknown levels to warn about: clients choose their names. */
const MAX_WARNED_LEVELS = 20

/** Largest number of unknown fields to warn about: clients choose their names. */
const MAX_WARNED_FIELDS = 20

/** Largest number of problems of contexts to warn about. */
const MAX_WARNED_PROBLEMS = 100

/** Longest part of a detail that is logged, characters: names of fields come from clients. */
const MAX_DETAIL = 300

/** Causes that need no warning: intended, or reported elsewhere. */
type SilentCause = 'route' | 'off' | 'mode_off' | 'service_away'

/** The problem behind each cause that keeps requests from being stopped against the client's intention. */
const REASONS: Readonly<Record<Exclude<PassCause, SilentCause>, string>> = {
  body: 'their body is too long (--max-body-bytes), compressed, or not a JSON object with a model and a prompt',
  header: "an X-Stopgate header can't be read",
  tools: 'they have tools, which the proxy serves in chats of llama.cpp; in vLLM its plug-in serves them',
  several_samples: 'they ask for several samples',
  structured_output: 'they have structured output, which the proxy serves in chats of llama.cpp and vLLM',
  closing: 'they have a logit_bias, or a stop string that is part of the text that closes the reasoning',
  grammar: 'they have a grammar, which holds in the reasoning, too',
  media: 'they have images or audio',
  logprobs: 'they ask for log-probabilities or token ids, which the closed reasoning does not have; in vLLM its plug-in serves them',
  stop_strings: 'they have stop strings, which the proxy serves in llama.cpp; in vLLM its plug-in serves them',
  prompt_list: 'they have several prompts',
  echo: 'they want their prompt back, or a text before a suffix',
  unknown_field: 'they have a field that the proxy does not know',
  seed: 'they have a seed with a prompt of token ids, where llama.cpp cannot resume its sampler',
  dialect: 'the proxy can\'t serve them on this kind of model server; --dialect names the kind',
  not_ready: 'the model server cannot be reached, or does not answer like its kind: check that it runs, then check --dialect',
}

/** Logs the latest problem, at most once in ten seconds. */
export function throttledWarnings (log: Logger): (message: string) => void {
  let last = ''
  const report = throttle(() => { log.warn(last) }, REPEAT_MS)
  return (message) => {
    last = message
    report()
  }
}

/** Warns once of each cause, and of each unknown field: otherwise everything looks healthy while nothing is saved. */
export function warnOfPassed (warn: (message: string) => void): (cause: PassCause, detail?: string | null) => void {
  const warnOnce = oncePerSubject<string>(warn)
  const warnOfField = oncePerSubject<string>(warn, MAX_WARNED_FIELDS)
  return (cause, detail = null) => {
    const reason: string | undefined = cause in REASONS ? REASONS[cause as keyof typeof REASONS] : undefined
    if (reason === undefined) return
    const message = `requests are passed through and not stopped: ${reason}${detail === null ? '' : ` (${detail.slice(0, MAX_DETAIL)})`}`
    if (cause === 'unknown_field' && detail !== null) warnOfField(detail, message)
    else warnOnce(cause, message)
  }
}

/** Warns once of each level in X-Stopgate-Context that the service does not know: its value is left out of the context. */
export function warnOfLevels (warn: (message: string) => void): (unknown: readonly string[], known: readonly string[]) => void {
  const warnOnce = oncePerSubject<string>(warn, MAX_WARNED_LEVELS)
  return (unknown, known) => {
    for (const level of unknown) {
      warnOnce(level, `the level ${level} of X-Stopgate-Context is left out, since the service does not know it: its levels are ${known.join(', ')} (CONTEXT_LEVELS)`)
    }
  }
}

/** Warns once of each statement of clients that is not believed: a benchmark would otherwise wait for labels that are dropped. */
export function warnOfDoubted (warn: (message: string) => void): (names: readonly string[]) => void {
  const warnOnce = oncePerSubject<string>(warn, MAX_WARNED_LEVELS)
  return (names) => {
    for (const name of names) {
      const remedy = name.startsWith('X-Stopgate-Context') ? '--contexts names the contexts that clients may use, and ' : name === 'X-Stopgate-Gold' ? '--gold states right answers, and ' : ''
      warnOnce(name, `${name} of a client is left out, since anyone could state it: ${remedy}--trust-clients yes believes all that clients state, for benchmarks and trainings`)
    }
  }
}

/** Warns once of each problem of each context that the service warns about with an outcome. */
export function warnOfContexts (warn: (message: string) => void): (warning: unknown, outcome: object) => void {
  const warnOnce = oncePerSubject<string>(warn, MAX_WARNED_PROBLEMS)
  const problems: ReadonlyMap<unknown, { problem: string, cure: string }> = new Map(Object.entries(CONTEXT_PROBLEMS))
  return (warning, outcome) => {
    const known = problems.get(warning)
    if (known === undefined) return
    const context = JSON.stringify(fieldOf(outcome, 'context') ?? {}).slice(0, MAX_DETAIL)
    warnOnce(`${String(warning)} ${context}`, `the service warns about context ${context} (${String(warning)}): ${known.problem}: ${known.cure}`)
  }
}

/** Warns once of each subject, and of `maxSubjects` at most. */
function oncePerSubject<T> (warn: (message: string) => void, maxSubjects = Infinity): (subject: T, message: string) => void {
  const warned = new Set<T>()
  return (subject, message) => {
    if (warned.has(subject) || warned.size >= maxSubjects) return
    warned.add(subject)
    warn(message)
  }
}
