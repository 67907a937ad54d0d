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
 * How fast evidence comes in, from the epoch so far by the log's clock: its generations, times the control share of now, times the part of
 * the enrolled that are accounted for. Contexts that gather no evidence have no pace.
 */
export function paceOf (state: ContextState, now: number): Pace {
  const { updated_at: since, generations, epoch_started_at: start, control_share: share } = state
  const { accounted, missing, excluded } = state.follow_up
  const pace = (perSecond: number | null): Pace => ({ now, since, perSecond })
  if (evidenceOf(state).generations < MIN_EVIDENCE || since <= start) return pace(null)
  return pace(generations / ((since - start) / 1000) * share * (accounted + missing) / Math.max(1, accounted + missing + excluded))
}
