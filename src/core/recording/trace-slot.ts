import { murmur3 } from '../assignment/murmur3.js'

/** Traces that are kept of a context at most, and shared out evenly among many contexts. */
export const SLOTS_OF_CONTEXT = 256
export const SLOTS = 32_768
/** Longer traces are not kept. */
export const MOST_STEPS = 1024
/** Of a long epoch, at least this share of the traces takes the place of an older one, so that the sample does not become old. */
const LEAST_SHARE = 1 / 16

/**
 * Which of a context's slots keeps the trace of a generation; `null`: none does. The choice goes by a hash of its id, and so says nothing
 * of how it went. At first every trace is kept; later ever fewer, so that all parts of an epoch are in the sample and the store is seldom
 * written. A generation that is not taken now is not taken later in the epoch either.
 * @param reported control generations that the epoch has had so far
 * @param contexts that exist
 */
export function traceSlot (generationId: string, reported: number, contexts: number): number | null {
  const slots = Math.max(1, Math.min(SLOTS_OF_CONTEXT, Math.floor(SLOTS / contexts)))
  const hash = murmur3(`trace:${generationId}`)
  const share = Math.max(LEAST_SHARE, slots / Math.max(1, reported))
  return hash / 0x1_0000_0000 < share ? murmur3(`slot:${generationId}`) % slots : null
}
