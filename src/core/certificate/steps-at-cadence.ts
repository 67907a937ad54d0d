import { nextCheckTokens, type Cadence } from '../policy/cadence.js'

/** A step, with the tokens decoded for probes up to and with it. */
interface CheckedStep { readonly tokens: number, readonly probeTokens?: number | undefined }

/** The steps of another cadence, and the tokens decoded for all of their probes. Absent: the steps say nothing of probes. */
export interface StepsAtCadence<S> { readonly steps: S[], readonly probeTokens?: number }

/**
 * The steps that a full run would have had at another cadence: of the recorded ones, the first from each due check on. Where the run has a
 * step at every token that is due, that is exactly what asking at this cadence shows; else a check comes up to one recorded distance later.
 * @param each tokens of a probe; `null`: as the steps say
 */
export function stepsAtCadence<S extends CheckedStep> (
  steps: readonly S[], cadence: Cadence, each: number | null = null): StepsAtCadence<S> {
  const taken: S[] = []
  let due = nextCheckTokens(cadence, 0)
  let [spent, before] = [0, 0]
  let isCosted = each !== null
  for (const step of steps) {
    const { probeTokens = before } = step
    isCosted ||= step.probeTokens !== undefined
    const own = probeTokens - before
    before = probeTokens
    if (step.tokens < due) continue
    spent += each ?? own
    taken.push(isCosted ? { ...step, probeTokens: spent } : step)
    due = nextCheckTokens(cadence, step.tokens)
  }
  return isCosted ? { steps: taken, probeTokens: spent } : { steps: taken }
}
