import type { Logger } from 'pino'
import { type ProbeFormFinding, RETRIED_AFTER } from '../../core/decide/index.js'

/** Logs the result of a search for a probe form; without one, as a warning that says why. */
export function logFinding (log: Pick<Logger, 'info' | 'warn'>, { form, generations, tried }: ProbeFormFinding): void {
  const shares = tried.map(({ name, agreement, self_agreement: self }) => `${name} ${percent(agreement)} of ${percent(self)}`).join(', ')
  if (form !== null) {
    log.info({ form }, `answers are forced in the form ${form.name} with up to ${form.tokens} tokens: over ${generations} generations it agreed best (${shares})`)
    return
  }
  log.warn({ tried }, `nothing is probed: over ${generations} generations no form gave the model's own answers ` +
    `(agreement, and how often the model agrees with itself: ${shares}). It is tried again after ${RETRIED_AFTER} generations; if you know how its answers look, say so by --probe and --probe-suffix`)
}

function percent (share: number): string { return `${Math.round(100 * share)} %` }
