import { evidenceOf, type ContextState } from '../judgement/context-state.js'

/** Generations of evidence that an estimate of the rate needs at least. */
const MIN_EVIDENCE = 10

/** The rate at which evidence arrives. */
export interface Pace {
  /** ms. */
  readonly now: number
  /** Time of the last entry that was counted, ms. */
  readonly since: number
  /** Generations of evidence per second; `null`: unknown. */
  readonly perSecond: number | null
}

/**
 * Estimates the rate of evidence from the current epoch, by the log's clock. In a leaf the control share falls during an epoch, so the rate
 * is that of all generations, times the present control share, times the part of control generations that became evidence. Above the
 * leaves the control share is constant.
 */
export function paceOf (state: ContextState, isLeaf: boolean, now: number): Pace {
  const { updated_at: since, labelled, generations, treated, unsettled, epoch_started_at: start, settles_at: settles } = state
  const pace = (perSecond: number | null): Pace => ({ now, since, perSecond })
  if (evidenceOf(state).generations < MIN_EVIDENCE || since <= settles) return pace(null)
  const settled = (since - settles) / 1000
  if (!isLeaf) return pace(labelled / settled)
  const control = Math.max(labelled, generations - treated - unsettled)
  return pace(generations / ((since - start) / 1000) * state.control_share * labelled / control)
}
