import { zeroList } from './add-lists.js'
import { EIGHTHS } from './certificate.js'
import type { Stop, Trace } from './stops.js'

/** One unit of evidence, at every threshold: a generation, or a group of samples. */
export interface Unit {
  readonly tokens: number
  readonly em: number
  readonly labelled: number
  /** Samples that crossed some threshold at a step that was not probed. */
  readonly unprobed_generations: number
  /** Per threshold: difference in whole eighths, tokens of its samples when stopped there, and samples that crossed it unprobed. */
  readonly eighths: readonly number[]
  readonly stopped_tokens: readonly number[]
  readonly unprobed: readonly number[]
  /** Tokens of the probes that its samples make until they are stopped there. Absent: none. */
  readonly probe_tokens?: readonly number[]
}

/** The unit that one generation is. */
export function unitOf (trace: Trace, stops: readonly Stop[]): Unit {
  const zeros = zeroList(stops.length)
  const isUnprobed = stops.some((stop) => stop.isUnprobed)
  return {
    tokens: trace.tokens,
    em: trace.em ?? 0,
    labelled: trace.em === null ? 0 : 1,
    unprobed_generations: isUnprobed ? 1 : 0,
    eighths: stops.every(({ delta }) => delta === 0) ? zeros : stops.map(({ delta }) => EIGHTHS * delta),
    stopped_tokens: stops.map(({ tokens }) => tokens),
    unprobed: isUnprobed ? stops.map((stop) => stop.isUnprobed ? 1 : 0) : zeros,
    ...(trace.probeTokens !== undefined && { probe_tokens: stops.map(({ probeTokens }) => probeTokens) }),
  }
}
