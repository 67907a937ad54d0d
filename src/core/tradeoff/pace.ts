import { evidenceOf, type ContextState } from '../judgement/context-state.js'
import type { Pace } from './outlook.js'

/** Evidence below which its rate is not told. */
const FEW = 10

/**
 * How fast evidence comes in, from the epoch so far by the log's clock. In a leaf the control share has fallen since, so what is counted is
 * traffic: the generations of the epoch, times the share of now, times what part of the control generations became evidence. Above the
 * leaves the share is always the floor's.
 */
export function paceOf (state: ContextState, isLeaf: boolean, now: number): Pace {
  const { updated_at: since, labelled, generations, treated, unsettled, epoch_started_at: start, settles_at: settles } = state
  const pace = (perSecond: number | null): Pace => ({ now, since, perSecond })
  if (evidenceOf(state).generations < FEW || since <= settles) return pace(null)
  const settled = (since - settles) / 1000
  if (!isLeaf) return pace(labelled / settled)
  const control = Math.max(labelled, generations - treated - unsettled)
  return pace(generations / ((since - start) / 1000) * state.control_share * labelled / control)
}
