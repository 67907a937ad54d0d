import type { Logger } from 'pino'
import { throttle } from '../logging/log.js'
import type { PassCause } from './protocol/stoppable-request.js'

/** Interval between two warnings about a persistent problem, ms. */
const REPEAT_MS = 10_000

/** Largest number of unknown levels to warn about: clients choose their names. */
const MAX_WARNED_LEVELS = 20

/** The problem behind each cause that keeps requests from being stopped against the client's intention. */
const REMEDIES: Partial<Record<PassCause, string>> = {
  body: 'their body is too long (--max-body-bytes), compressed, or not a JSON object',
  header: "an X-Stopgate header can't be read",
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

/** Warns once of each cause that has a remedy: otherwise everything looks healthy while nothing is saved. */
export function warnOfPassed (warn: (message: string) => void): (cause: PassCause) => void {
  const warnOnce = oncePerSubject<PassCause>(warn)
  return (cause) => {
    const remedy = REMEDIES[cause]
    if (remedy !== undefined) warnOnce(cause, `requests are passed through and not stopped: ${remedy}`)
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

/** Warns once of each subject, and of `maxSubjects` at most. */
function oncePerSubject<T> (warn: (message: string) => void, maxSubjects = Infinity): (subject: T, message: string) => void {
  const warned = new Set<T>()
  return (subject, message) => {
    if (warned.has(subject) || warned.size >= maxSubjects) return
    warned.add(subject)
    warn(message)
  }
}
